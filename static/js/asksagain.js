/* Parts of a page that ask again by the clock (templates/parts/asks_again.html): not while nobody looks. */

/** Whether a request of this part of the page is left out. */
export function isLeftOut(part, isHidden) {
  return isHidden && "asksAgain" in part.dataset;
}

export function listen(page) {
  page.addEventListener("htmx:beforeRequest", (event) => {
    if (isLeftOut(event.target, page.hidden)) event.preventDefault();
  });
}

if (globalThis.document) listen(document);
