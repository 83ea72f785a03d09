/* What a key means on the page of a case, and how readers give acts other keys. No DOM in here.

   The acts come from the page (cases/reading/keys.py): `id`, `key`, and, if it is one of these, `name` and `value` of
   the answer that it chooses, or `inViewer` where the viewer does it. */

import { folded, isComposed, keepsKeys, keysOf } from "../typing.js";

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

/** The key that a press would give to the act, and why it cannot, as `refusalOf` says it. */
export function chosenKey(event, id, map) {
  const keys = keysOf(event);
  const refusals = keys.map((key) => refusalOf(key, id, map));
  return { key: keys[0], why: refusals.find((why) => why !== "") ?? "" };
}

/** Whether this is the sending key that text fields know everywhere: Enter with Ctrl or Command held. Links and parts of the
    page that open have a use of their own for it. */
export function isSending(event, { tagName = "" } = {}) {
  if (tagName === "A" || tagName === "SUMMARY") return false;
  const { key, ctrlKey = false, metaKey = false, altKey = false, shiftKey = false, repeat = false } = event;
  return key === "Enter" && ctrlKey !== metaKey && !altKey && !shiftKey && !repeat && !isComposed(event);
}

/** The act that a key stands for, or null. */
export function actOf(event, target, acts, map) {
  const { ctrlKey = false, altKey = false, metaKey = false, repeat = false } = event;
  if (ctrlKey || altKey || metaKey || repeat || isComposed(event) || keepsKeys(target)) return null;
  for (const key of keysOf(event)) {
    const found = acts.find((act) => map.get(act.id) === key);
    if (found) return found;
  }
  return null;
}
