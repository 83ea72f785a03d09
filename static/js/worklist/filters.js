/* Filters that act as they are chosen: a short address, and a form that says what the address says. */

export function listenToFilters(form) {
  // An address names what narrows the list, and nothing else.
  form.addEventListener("htmx:configRequest", ({ detail }) => {
    const empty = [...detail.formData].filter(([, value]) => value === "").map(([name]) => name);
    for (const name of empty) detail.formData.delete(name);
  });
  // Where the list could not be fetched, the browser says why.
  for (const kind of ["htmx:responseError", "htmx:sendError"]) form.addEventListener(kind, () => form.submit());
  // A page that a browser brings back whole may have been left in the middle of a choice.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });
}
