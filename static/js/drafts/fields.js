/* The fields of a form as they are typed, and whether two states of them say the same. No DOM in here. */

// What is the page's, not the writer's.
const UNKEPT = new Set(["csrfmiddlewaretoken", "typed_by", "prediction", "numbers", "query"]);
const UNKEPT_TYPES = new Set(["password", "file", "submit", "button", "reset", "image", "fieldset", "output"]);
const CHOSEN = new Set(["radio", "checkbox"]);
const WORDS = new Set(["textarea", "text", "email"]);

const isKept = ({ name, type }) => Boolean(name) && !UNKEPT.has(name) && !UNKEPT_TYPES.has(type);

/** The fields, as a query string. */
export function typedIn(elements) {
  const fields = new URLSearchParams();
  for (const element of elements) {
    const { name, type, value, checked } = element;
    if (isKept(element) && (!CHOSEN.has(type) || checked)) fields.append(name, value);
  }
  return fields.toString();
}

/** One field as the server gave it, whatever the browser itself has put back since. */
function asServed({ name, type, value, defaultValue, defaultChecked, options }) {
  if (!options) return { name, type, value: defaultValue ?? value, checked: defaultChecked };
  const choices = [...options];
  return { name, type, value: (choices.find((choice) => choice.defaultSelected) ?? choices[0])?.value ?? "" };
}

export const servedIn = (elements) => typedIn([...elements].filter(isKept).map(asServed));

/** Put the fields back. A choice that is no longer offered is left out. */
export function fill(elements, fields) {
  const given = new URLSearchParams(fields);
  for (const element of elements) {
    if (!isKept(element)) continue;
    const values = given.getAll(element.name);
    if (element.type === "checkbox") element.checked = values.includes(element.value);
    else if (values.length === 0) continue;
    else if (element.type === "radio") element.checked = values.includes(element.value);
    else element.value = values[0];
  }
}

/** What was written, other than `base` had it: each text, to copy. */
export function wordsIn(elements, base) {
  const before = new URLSearchParams(base);
  return [...elements]
    .filter((element) => isKept(element) && WORDS.has(element.type) && element.value.trim() !== "")
    .filter(({ name, value }) => before.get(name) !== value)
    .map(({ value }) => value);
}

const sorted = (value) =>
  value !== null && typeof value === "object" && !Array.isArray(value)
    ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]))
    : value;

function said(name, value) {
  if (name !== "region") return value.replaceAll("\r\n", "\n");
  try {
    return JSON.stringify(sorted(JSON.parse(value)));
  } catch {
    return value;
  }
}

// A database keeps no order of a region's keys, and reading time runs while nothing is said.
function canonical(fields) {
  const pairs = [...new URLSearchParams(fields)]
    .filter(([name, value]) => name !== "active_seconds" && value !== "" && value !== "null")
    .map(([name, value]) => [name === "corrected_class" ? "read_class" : name, said(name, value)]);
  return JSON.stringify(pairs.sort(([a], [b]) => (a < b ? -1 : Number(a > b))));
}

export const alike = (one, other) => canonical(one) === canonical(other);

/** The fields of a draft as the server names them, as a query string. */
export function encoded(draft) {
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(draft)) {
    if (value !== null) fields.append(name, typeof value === "object" ? JSON.stringify(value) : String(value));
  }
  return fields.toString();
}

/**
 * What becomes of an entry, on a page whose form holds `served`: "same" where it says so already, "back" where it
 * is put back, "aside" where the form has become another one since: another window or machine has gone on with it.
 */
export function fateOf(entry, served) {
  if (alike(served, entry.fields)) return "same";
  const known = [entry.base, ...(entry.sent ?? [])];
  return known.some((fields) => alike(served, fields)) ? "back" : "aside";
}
