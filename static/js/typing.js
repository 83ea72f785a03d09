/* Whether a press of a key is text. No DOM in here. */

const TYPING = new Set(["TEXTAREA", "SELECT"]);
// Kinds of input that take no letters: keys keep their meaning while one of them has the focus.
const NOT_TYPING = new Set(["radio", "checkbox", "range", "button", "submit"]);
// What browsers give instead of a key that an input method takes; Safari says it also of the Enter that ends one.
const IN_PROCESS = 229;

/** Whether keys that go to this element are text or a choice of its own. */
export function isTyping({ tagName, type = "", isContentEditable = false }) {
  return isContentEditable || TYPING.has(tagName) || (tagName === "INPUT" && !NOT_TYPING.has(type));
}

/** Whether an input method takes this key, to make letters of several: then it means nothing else. */
export const isComposed = ({ isComposing = false, keyCode = 0 }) => isComposing || keyCode === IN_PROCESS;

/** Whether this key leads out of a field of words. */
export const leavesWords = (event, target) => event.key === "Escape" && !isComposed(event) && isTyping(target);

/** A key without regard to the shift that a letter may be pressed with. */
export const folded = (key) => (key.length === 1 ? key.toLowerCase() : key);
