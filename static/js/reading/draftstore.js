/* What this browser keeps of drafts, by person and case, until the server has it. No DOM in here. */

const PREFIX = "secondread.draft.";
// How far a reading is. What was typed for a step that the server has gone past is with the server.
const STEPS = ["first", "review", "done"];

function parsed(text) {
  try {
    const entry = JSON.parse(text);
    return STEPS.includes(entry?.step) && typeof entry.fields === "string" ? entry : null;
  } catch {
    return null;
  }
}

/** Keep the fields of a form of this step. Throws where the storage is full or forbidden. */
export function keep(storage, key, step, fields) {
  storage.setItem(PREFIX + key, JSON.stringify({ step, fields }));
}

/** The fields kept for this step, or null; what is of an earlier step is dropped. */
export function kept(storage, key, step) {
  const text = storage.getItem(PREFIX + key);
  const entry = text === null ? null : parsed(text);
  if (entry?.step === step && step !== "done") return entry.fields;
  if (text !== null && (entry === null || STEPS.indexOf(entry.step) < STEPS.indexOf(step))) {
    storage.removeItem(PREFIX + key);
  }
  return null;
}

/** Drop what the server has answered for, unless more was typed meanwhile. */
export function settle(storage, key, fields) {
  if (parsed(storage.getItem(PREFIX + key))?.fields === fields) storage.removeItem(PREFIX + key);
}

/** Drop the drafts of everybody but this person; "" stands for nobody, and drops all. */
export function keepOnly(storage, person) {
  const names = Array.from({ length: storage.length }, (_, index) => storage.key(index));
  for (const name of names) {
    const isOwn = person !== "" && name.startsWith(`${PREFIX}${person}:`);
    if (name.startsWith(PREFIX) && !isOwn) storage.removeItem(name);
  }
}
