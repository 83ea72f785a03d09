/* What a key means on the worklist. No DOM in here. */

import { isTyping } from "./keys.js";

const ACTS = new Map([
  ["j", "down"],
  ["k", "up"],
  ["n", "start"],
  ["/", "search"],
  ["x", "tick"],
  ["?", "keys"],
]);
// Arrows scroll the page, unless a row has been gone to.
const IN_A_ROW = new Map([
  ["ArrowDown", "down"],
  ["ArrowUp", "up"],
]);

/** The act that a key stands for, or null; `inRow` says whether the focus is in a row of the list. */
export function worklistActOf(event, target, inRow = false) {
  const { key, ctrlKey = false, altKey = false, metaKey = false } = event;
  if (ctrlKey || altKey || metaKey || isTyping(target)) return null;
  const folded = key.length === 1 ? key.toLowerCase() : key;
  return ACTS.get(folded) ?? (inRow ? (IN_A_ROW.get(key) ?? null) : null);
}

/** The place of the row that follows `at`, which is -1 where no row has been gone to; the ends hold. */
export function stepped(at, count, act) {
  if (count === 0) return -1;
  if (at < 0) return act === "down" ? 0 : count - 1;
  return Math.min(Math.max(at + (act === "down" ? 1 : -1), 0), count - 1);
}
