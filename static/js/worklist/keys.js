/* What a key means on the worklist. No DOM in here.

   The acts come from the page (cases/worklist/keys.py): `id`, `key` and, if it has one, `arrow`. */

import { isComposed, keepsKeys, keysOf } from "../typing.js";

/** The id of the act that a key stands for, or null; `inRow` says whether the focus is in a row of the list. */
export function worklistActOf(event, target, acts, inRow = false) {
  const { key, ctrlKey = false, altKey = false, metaKey = false } = event;
  if (ctrlKey || altKey || metaKey || isComposed(event) || keepsKeys(target)) return null;
  // Arrows scroll the page, unless a row has been gone to.
  const keys = keysOf(event);
  const found = acts.find((act) => keys.includes(act.key) || (inRow && act.arrow === key));
  return found?.id ?? null;
}

/** The place of the row that follows `at`, which is -1 where no row has been gone to; the ends hold. */
export function stepped(at, count, act) {
  if (count === 0) return -1;
  if (at < 0) return act === "down" ? 0 : count - 1;
  return Math.min(Math.max(at + (act === "down" ? 1 : -1), 0), count - 1);
}
