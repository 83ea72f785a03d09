/* Which file is sent next, and what the answer to one means. No DOM in here. */

export const PARALLEL = 3;

/** @typedef {"waiting" | "sending" | "settled" | "failed"} Stage */

/** The entries to start now: the first that wait, as many as there is room for beside those under way. */
export function nextToStart(entries, parallel = PARALLEL) {
  const busy = entries.filter((entry) => entry.stage === "sending").length;
  return entries.filter((entry) => entry.stage === "waiting").slice(0, Math.max(0, parallel - busy));
}

/** How many the server has answered for, of how many; one that failed on the way has no answer. */
export function progressOf(entries) {
  return { done: entries.filter((entry) => entry.stage === "settled").length, total: entries.length };
}

/** Percent sent, whole; 0 while the browser cannot tell. */
export function percent(loaded, total) {
  return total > 0 ? Math.min(100, Math.floor((loaded / total) * 100)) : 0;
}

/**
 * Why there is no row in the answer, as the key of a sentence; "" where there is one.
 * `isRow`: the server has marked the answer as ours. Status 0: there was no answer at all.
 */
export function failureOf(status, isRow) {
  if (isRow) return "";
  if (status === 0) return "network";
  if (status === 401) return "session";
  if (status === 403) return "forbidden";
  if (status === 413) return "size";
  return "server";
}

/** The codes to ask the state of at once: the server answers for so many, and a URL holds no more. */
export function firstCodes(codes, most = 100) {
  return codes.slice(0, most);
}

/** "{done} of {total}" with the values put in. */
export function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** The value of one cookie of `document.cookie`; "" where there is none such. */
export function cookie(cookies, name) {
  const found = cookies.split("; ").find((entry) => entry.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}
