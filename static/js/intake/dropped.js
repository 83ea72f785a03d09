/* What was dropped, folders opened. No part of a path is kept: only the files are. */

/** Every file of an entry, in whatever depth; a browser hands out the entries of a folder some at a time. */
async function filesIn(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const inside = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    inside.push(...some);
  }
  // The same order each time: an upload goes on with the same bytes.
  inside.sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
  const files = [];
  for (const each of inside) files.push(...(await filesIn(each)));
  return files;
}

/** The files of a drop, in the order of the drop; what cannot be read is left out. */
export async function filesOf(transfer) {
  // The list is empty once the event is over: the entries are taken at once.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry);
  if (entries.length === 0) return [...transfer.files];
  const found = [];
  for (const entry of entries) found.push(...(await filesIn(entry).catch(() => [])));
  return found;
}
