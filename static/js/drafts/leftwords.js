/* Words that were typed here and not saved, of forms that are not on the page: to go on with, to copy, to discard. */

import { stored } from "./browserdraft.js";
import { drop, entriesOf, isAside } from "./store.js";

/** Whether the entry is to be offered on this page; see templates/parts/drafts.html. */
function isOffered(key, entry, { keys, reopened, isEvery, areShown }) {
  const isSent = (entry.sent ?? []).includes(entry.fields);
  if (keys.includes(key) || !entry.words?.length) return false;
  if (reopened.includes(key)) return !areShown;
  if (isEvery) return isAside(key) || !(isSent || entry.isSubmitted);
  const isHere = entry.page?.startsWith(location.pathname);
  return Boolean(isHere) && (isAside(key) || keys.length === 0);
}

async function copy(text, place) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Not in every browser, and never without TLS: then it is marked, for the reader's own keys.
    window.getSelection().selectAllChildren(place);
  }
}

function row(section, key, entry, person) {
  const item = section.querySelector("template").content.firstElementChild.cloneNode(true);
  const link = item.querySelector("a");
  const place = item.querySelector("blockquote");
  link.href = entry.page;
  link.textContent = entry.title;
  place.textContent = entry.words.join("\n\n");
  item.querySelector("[data-copy]").addEventListener("click", () => copy(place.textContent, place));
  item.querySelector("[data-discard]").addEventListener("click", () => {
    stored((storage) => drop(storage, person, key));
    item.remove();
    section.hidden = section.querySelector("article") === null;
  });
  return item;
}

/** Show what is left. `page` says what stands on it: the `keys` of its forms, and what `isOffered` asks for. */
export function offer(section, person, page) {
  const entries = stored((storage) => entriesOf(storage, person)) ?? [];
  const left = entries.filter(([key, entry]) => isOffered(key, entry, page));
  section.append(...left.map(([key, entry]) => row(section, key, entry, person)));
  section.hidden = left.length === 0;
}
