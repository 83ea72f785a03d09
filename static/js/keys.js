/* What a key means on the page of a case, and how readers give acts other keys. No DOM in here. */

const TYPING = new Set(["TEXTAREA", "SELECT"]);
// Kinds of input that take no letters: keys keep their meaning while one of them has the focus.
const NOT_TYPING = new Set(["radio", "checkbox", "range", "button", "submit"]);
// What a browser or a screen reader needs for itself.
const RESERVED = new Set(["Tab", "Escape", "Enter", " ", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"]);

/** Every act with its first key. `name` and `value` say which answer of the form it chooses, `view` what the viewer
    does, if it is one of these. */
export const ACTS = [
  { id: "agree", key: "a", name: "verdict", value: "agree" },
  { id: "disagree", key: "d", name: "verdict", value: "disagree" },
  { id: "class-1", key: "q", name: "class", value: 0 },
  { id: "class-2", key: "w", name: "class", value: 1 },
  { id: "class-3", key: "e", name: "class", value: 2 },
  { id: "class-4", key: "r", name: "class", value: 3 },
  { id: "class-5", key: "t", name: "class", value: 4 },
  { id: "class-6", key: "y", name: "class", value: 5 },
  ...[1, 2, 3, 4, 5].map((number) => ({
    id: `confidence-${number}`,
    key: String(number),
    name: "confidence",
    value: String(number),
  })),
  { id: "finding", key: "f" },
  { id: "comment", key: "c" },
  { id: "reason", key: "x" },
  { id: "save", key: "s" },
  { id: "undo", key: "u" },
  { id: "amend", key: "m" },
  { id: "next", key: "n" },
  { id: "slice-before", key: ",", view: "slice-before" },
  { id: "slice-after", key: ".", view: "slice-after" },
  { id: "heat", key: "h", view: "heat" },
  { id: "layer", key: "l", view: "layer" },
  { id: "shown-class", key: "k", view: "shown-class" },
  { id: "invert", key: "i", view: "invert" },
  { id: "mark", key: "b", view: "mark" },
  { id: "zoom-in", key: "+", view: "zoom-in" },
  { id: "zoom-out", key: "-", view: "zoom-out" },
  { id: "reset", key: "0", view: "reset" },
  { id: "keys", key: "?" },
];

/** Whether keys that go to this element are text or a choice of its own. */
export function isTyping({ tagName, type = "", isContentEditable = false }) {
  return isContentEditable || TYPING.has(tagName) || (tagName === "INPUT" && !NOT_TYPING.has(type));
}

const folded = (key) => (key.length === 1 ? key.toLowerCase() : key);

/** Key by act, the reader's own where there is one. `own` comes from storage and may hold anything. */
export function keyMap(own = {}) {
  const map = new Map(ACTS.map((act) => [act.id, act.key]));
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
export function isSending({ key, ctrlKey = false, metaKey = false, altKey = false, shiftKey = false, repeat = false }) {
  return key === "Enter" && ctrlKey !== metaKey && !altKey && !shiftKey && !repeat;
}

/** The act that a key stands for, or null. */
export function actOf(event, target, map = keyMap()) {
  const { key, ctrlKey = false, altKey = false, metaKey = false, repeat = false } = event;
  if (ctrlKey || altKey || metaKey || repeat || isTyping(target)) return null;
  return ACTS.find((act) => map.get(act.id) === folded(key)) ?? null;
}
