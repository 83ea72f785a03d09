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

/** Whether keys mean something to the element itself: text, a choice, or a part of the page to open and close. */
export const keepsKeys = (element) => element.tagName === "SUMMARY" || isTyping(element);

/** Whether an input method takes this key, to make letters of several: then it means nothing else. */
export const isComposed = ({ isComposing = false, keyCode = 0 }) => isComposing || keyCode === IN_PROCESS;

/** Whether this key leads out of a field of words. */
export const leavesWords = (event, target) => event.key === "Escape" && !isComposed(event) && isTyping(target);

// What stands at these places of a keyboard whose letters are Latin.
const SIGNS = { Comma: ",", Period: ".", Slash: "/" };

/** A key without regard to the shift that a letter may be pressed with. */
export const folded = (key) => (key.length === 1 ? key.toLowerCase() : key);

/** The keys that a press may stand for, the likeliest first.

    Letters count by what is printed on them, wherever they stand. Where a layout has other signs on the row of the digits,
    as AZERTY, or letters that are not Latin, as Cyrillic, the place counts too: `code` names it as on a US keyboard. */
export function keysOf({ key = "", code = "", shiftKey = false }) {
  const printed = folded(key);
  const digit = /^Digit(\d)$/.exec(code)?.[1];
  if (digit && !shiftKey) return [...new Set([digit, printed])];
  if (!/^\p{L}$/u.test(printed) || /\p{Script=Latin}/u.test(printed)) return [printed];
  const place = /^Key([A-Z])$/.exec(code)?.[1].toLowerCase() ?? SIGNS[code];
  return place ? [place, printed] : [printed];
}
