/* Filters that act as they are chosen: a short address, and a form that says what the address says. */

export function listenToFilters(form) {
  // An address names what narrows the list, and nothing else.
  form.addEventListener("htmx:configRequest", ({ detail }) => {
    // The first of each choice is what holds where nothing is chosen.
    const says = ([name, value]) => value !== "" && form.elements[name]?.options?.[0].value !== value;
    const idle = [...detail.formData].filter((pair) => !says(pair)).map(([name]) => name);
    for (const name of idle) detail.formData.delete(name);
  });
  // Where the list could not be fetched, the browser says why.
  for (const kind of ["htmx:responseError", "htmx:sendError"]) form.addEventListener(kind, () => form.submit());
  // A page that a browser brings back whole may have been left in the middle of a choice.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });
}
