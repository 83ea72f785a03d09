/* Whether a press of a key is text. No DOM in here. */

const TYPING = new Set(["TEXTAREA", "SELECT"]);
// Kinds of input that take no letters: keys keep their meaning while one of them has the focus.
const NOT_TYPING = new Set(["radio", "checkbox", "range", "button", "submit"]);

/** Whether keys that go to this element are text or a choice of its own. */
export function isTyping({ tagName, type = "", isContentEditable = false }) {
  return isContentEditable || TYPING.has(tagName) || (tagName === "INPUT" && !NOT_TYPING.has(type));
}

/** A key without regard to the shift that a letter may be pressed with. */
export const folded = (key) => (key.length === 1 ? key.toLowerCase() : key);
