/* What a key means on the page of a case, and how readers give acts other keys. No DOM in here.

   The acts come from the page (cases/reading/keys.py): `id`, `key`, and, if it is one of these, `name` and `value` of
   the answer that it chooses, or `inViewer` where the viewer does it. */

import { folded, isComposed, isTyping } from "../typing.js";

// What a browser or a screen reader needs for itself.
const RESERVED = new Set(["Tab", "Escape", "Enter", " ", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"]);

/** Key by act, the reader's own where there is one. `own` comes from storage and may hold anything. */
export function keyMap(acts, own = {}) {
  const map = new Map(acts.map((act) => [act.id, act.key]));
  for (const [id, key] of Object.entries(own ?? {})) {
    if (map.has(id) && refusalOf(key, id, map) === "") map.set(id, folded(key));
  }
  return map;
}

/** Why `key` cannot be the key of the act, as the key of a sentence; "" where it can. */
export function refusalOf(key, id, map) {
  if (typeof key !== "string" || key.length === 0) return "none";
  if (RESERVED.has(key) || (key.length > 1 && !/^F\d+$/.test(key))) return "reserved";
  for (const [other, taken] of map) if (other !== id && taken === folded(key)) return "taken";
  return "";
}

/** Whether this is the sending key that text fields know everywhere: Enter with Ctrl or Command held. */
export function isSending(event) {
  const { key, ctrlKey = false, metaKey = false, altKey = false, shiftKey = false, repeat = false } = event;
  return key === "Enter" && ctrlKey !== metaKey && !altKey && !shiftKey && !repeat && !isComposed(event);
}

/** The act that a key stands for, or null. */
export function actOf(event, target, acts, map) {
  const { key, ctrlKey = false, altKey = false, metaKey = false, repeat = false } = event;
  if (ctrlKey || altKey || metaKey || repeat || isComposed(event) || isTyping(target)) return null;
  return acts.find((act) => map.get(act.id) === folded(key)) ?? null;
}
