/* The rows that the server makes of what was sent, and their state while they are analysed. */

import { firstCodes } from "./uploadqueue.js";

/** Puts the rows of an answer in the place of `row`; returns how many files they tell to be refused. */
export function insertRows(row, markup) {
  const parsed = new DOMParser().parseFromString(markup, "text/html");
  const finished = [...parsed.querySelectorAll(".upload-row")];
  row.replaceWith(...finished);
  finished.forEach((each) => htmx.process(each));
  watch();
  return finished.filter((each) => each.dataset.outcome === "refused").length;
}

/* Asks for the state of what is analysed; the server stops it once no row is. */
function watch() {
  const live = document.getElementById("live");
  if (live.hasAttribute("hx-get") || !document.querySelector("input[name='c']")) return;
  const active = document.getElementById("live-active").content.firstElementChild.cloneNode(true);
  live.replaceWith(active);
  htmx.process(active);
}

function askForFewer({ detail }) {
  const codes = firstCodes(detail.formData.getAll("c"));
  detail.formData.delete("c");
  for (const code of codes) detail.formData.append("c", code);
}

/** Rows also come by htmx, in the place of an upload that was confirmed. */
export function listenForRows() {
  document.body.addEventListener("htmx:configRequest", askForFewer);
  document.body.addEventListener("htmx:afterSettle", watch);
}
