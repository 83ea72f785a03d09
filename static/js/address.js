/* The address of the page in sight. After Back or Forward the browser's own is ahead of it, until that page has come. */

const now = () => window.location.pathname + window.location.search;
let shown = now();

export const shownAddress = () => shown;

/** Whether the browser's address is that of the page in sight. */
export const isShown = () => now() === shown;

/** The browser's address is that of the page in sight now. */
export function arrive() {
  shown = now();
}

/** Give the page in sight this query, without that it is another page. */
export function setQuery(query) {
  if (!isShown()) return;
  const address = new URL(window.location.href);
  address.search = query;
  window.history.replaceState(window.history.state, "", address);
  arrive();
}
