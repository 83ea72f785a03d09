/* What this browser keeps of what is typed, by person and form, until the server has it. No DOM in here.

   An entry holds `fields` as they are typed, `base` as the server had them, `sent` with what the server was given
   and has not answered for, `isSubmitted`, the `words` among the fields, and where the form is: `page`, `title`. */

const PREFIX = "secondread.draft.";
const PERSON = "secondread.person";

const nameOf = (person, key) => `${PREFIX}${person}:${key}`;

function parsed(text) {
  try {
    const entry = JSON.parse(text);
    return typeof entry?.fields === "string" && typeof entry.base === "string" ? entry : null;
  } catch {
    return null;
  }
}

const namesOf = (storage) => Array.from({ length: storage.length }, (_, index) => storage.key(index));

/** Whose words this browser keeps: who was signed in last, and has not signed out. */
export const personOf = (storage) => storage.getItem(PERSON) ?? "";

/** Keep an entry; false for a page of somebody who has signed out since. Throws where the storage is full. */
export function keep(storage, person, key, entry) {
  if (personOf(storage) !== person) return false;
  storage.setItem(nameOf(person, key), JSON.stringify(entry));
  return true;
}

/** The entry of a form, or null; what nobody can read is dropped. */
export function kept(storage, person, key) {
  const text = storage.getItem(nameOf(person, key));
  const entry = text === null ? null : parsed(text);
  if (entry === null) drop(storage, person, key);
  return entry;
}

export function drop(storage, person, key) {
  storage.removeItem(nameOf(person, key));
}

/** The server has stored what was submitted of a form. What another window has typed since is not that. */
export function settle(storage, person, key) {
  if (kept(storage, person, key)?.isSubmitted) drop(storage, person, key);
}

/** The server has refused what was submitted of a form. */
export function reopen(storage, person, key) {
  const entry = kept(storage, person, key);
  if (entry) keep(storage, person, key, { ...entry, isSubmitted: false });
}

/** Put an entry aside whose form has become another one; its words wait to be copied. */
export function putAside(storage, person, key, entry, now) {
  drop(storage, person, key);
  if (entry.words?.length) keep(storage, person, `${key}#${now}`, entry);
}

export const isAside = (key) => key.includes("#");

/** Each key and entry of the person. */
export function entriesOf(storage, person) {
  const own = nameOf(person, "");
  return namesOf(storage)
    .filter((name) => name.startsWith(own))
    .map((name) => [name.slice(own.length), kept(storage, person, name.slice(own.length))])
    .filter(([, entry]) => entry !== null);
}

/** Drop the drafts of everybody but this person; "" stands for nobody, and drops all. */
export function keepOnly(storage, person) {
  storage.setItem(PERSON, person);
  for (const name of namesOf(storage)) {
    const isOwn = person !== "" && name.startsWith(nameOf(person, ""));
    if (name.startsWith(PREFIX) && !isOwn) storage.removeItem(name);
  }
}
