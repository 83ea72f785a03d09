/* One page after another in the same document: what modules do as a page comes, and what ends as it goes. No DOM in here. */

const parts = [];
let leaving = new AbortController();

/** Call `open(signal)` now, and again for each page that is swapped in. The signal aborts as the page goes: what listens
    beyond the page's own elements, or asks again by the clock, ends with it. */
export function eachPage(open) {
  parts.push(open);
  open(leaving.signal);
}

/** Let the present page go, make the next one by `change`, and open that. */
export function turnPage(change) {
  leaving.abort();
  leaving = new AbortController();
  change();
  for (const open of parts) open(leaving.signal);
}
