/* What a key means on the page of a case. No DOM in here. */

const TYPING = new Set(["TEXTAREA", "SELECT"]);
// Kinds of input that take no letters: keys keep their meaning while one of them has the focus.
const NOT_TYPING = new Set(["radio", "checkbox", "range", "button", "submit"]);

const LETTERS = new Map([
  ["a", { name: "verdict", value: "agree" }],
  ["d", { name: "verdict", value: "disagree" }],
  ["n", { name: "next" }],
]);

/** Whether keys that go to this element are text or a choice of its own. */
export function isTyping({ tagName, type = "", isContentEditable = false }) {
  return isContentEditable || TYPING.has(tagName) || (tagName === "INPUT" && !NOT_TYPING.has(type));
}

/**
 * The act that a key stands for, or null: {name: "verdict", value: "agree"},
 * {name: "confidence", value: "1"}, {name: "next"}.
 */
export function actOf({ key, ctrlKey = false, altKey = false, metaKey = false, repeat = false }, target) {
  if (ctrlKey || altKey || metaKey || repeat || isTyping(target)) return null;
  if (/^[1-5]$/.test(key)) return { name: "confidence", value: key };
  return LETTERS.get(key.toLowerCase()) ?? null;
}
