/* Which file is sent next, and what the answer to one means. No DOM in here. */

export const PARALLEL = 3;

/** @typedef {"waiting" | "sending" | "settled" | "failed"} Stage */

/** The entries to start now: the first that wait, as many as there is room for beside those under way. */
export function nextToStart(entries, parallel = PARALLEL) {
  const busy = entries.filter((entry) => entry.stage === "sending").length;
  return entries.filter((entry) => entry.stage === "waiting").slice(0, Math.max(0, parallel - busy));
}

/**
 * How many files the server has answered for, of how many, and how many of these it refused; one that failed on the
 * way has no answer.
 */
export function progressOf(entries) {
  const count = (some) => some.reduce((sum, entry) => sum + (entry.count ?? 1), 0);
  const settled = entries.filter((entry) => entry.stage === "settled");
  const refused = settled.reduce((sum, entry) => sum + (entry.refused ?? 0), 0);
  return { done: count(settled), total: count(entries), refused };
}

/** The key of the sentence that tells the progress: "10 of 10 sent" must not hide that some were refused. */
export function summaryOf({ refused }) {
  return refused > 0 ? "summaryRefused" : "summary";
}

/** Which files go now, and which are kept until a cohort is chosen: `held`, and those that come to them. */
export function heldAndReady(held, files, cohort) {
  const all = [...held, ...files];
  return cohort ? { held: [], ready: all } : { held: all, ready: [] };
}

/**
 * Whether a file by this name may be one of a series, or half of a pair: DICOM has no ending as often as one, or an
 * identifier for a name, which ends in a number. The server looks at the content; here only what goes together is told.
 */
export function isOfSeries(name) {
  const [, ending = ""] = /\.([^.]*)$/.exec(name) ?? [];
  return /^(|dcm|dicom|ima|hdr|img|\d+)$/i.test(ending);
}

/** Whether a file by this name is an archive of many. */
export const isArchive = (name) => /\.(zip|tar)$/i.test(name);

const isVolume = (name) => /\.nii(\.gz)?$/i.test(name);
const sizeOf = (files) => files.reduce((sum, file) => sum + file.size, 0);

/**
 * Whether a parcel goes up in pieces and is shown before anything becomes of it: what a hospital or a study has, and what
 * is large. A picture or a few are there as quickly as they are sent.
 */
export function goesInPieces(files, { maxBytes }) {
  const isHospital = files.some(({ name }) => isOfSeries(name) || isArchive(name) || isVolume(name));
  return isHospital || (files.length > 1 && sizeOf(files) > maxBytes);
}

/** Calls `each` for every item, a few at a time, so that the page answers in between; `then` after every few. */
export function inSlices(items, each, then, { most = 50, next = (go) => setTimeout(go) } = {}) {
  const go = (start) => {
    items.slice(start, start + most).forEach(each);
    then();
    if (start + most < items.length) next(() => go(start + most));
  };
  go(0);
}

/**
 * The files as what is sent at once: all together where they are the slices of one case, or of series; else each alone.
 * A case is sent in one request, so that it is there whole or not at all; tried again, what had arrived is found again.
 */
export function parcelsOf(files, grouping) {
  if (grouping === "one_case" && files.length > 0) return [files];
  const together = files.filter((file) => isOfSeries(file.name));
  const alone = files.filter((file) => !isOfSeries(file.name)).map((file) => [file]);
  return together.length > 0 ? [together, ...alone] : alone;
}

/**
 * Why a parcel need not be sent, as the key of a sentence; "" where nothing speaks against it. A single file that is
 * too large among others is refused by the server alone, and the others go on.
 */
export function refusalOf(files, limits, grouping = "") {
  const { maxBytes, maxRequestBytes, maxImages, maxPiecesBytes, maxPiecesFiles } = limits;
  const isInPieces = goesInPieces(files, limits);
  const most = isInPieces ? maxPiecesBytes : maxRequestBytes;
  if (files.length === 1) return files[0].size > (isArchive(files[0].name) ? most : maxBytes) ? "size" : "";
  if (isInPieces && files.length > maxPiecesFiles) return "files";
  if (!(isInPieces && grouping !== "one_case") && files.length > maxImages) return "many";
  return sizeOf(files) > most ? "total" : "";
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
  // Also where the server says so of each file: once there is room, it can be sent again from here.
  if (status === 507) return "full";
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
