/* Workstations are shared: a browser keeps the drafts of who is signed in, and none after signing out. */

import { keepOnly } from "./draftstore.js";

function clear(person) {
  try {
    keepOnly(localStorage, person);
  } catch {
    // A forbidden storage holds nothing.
  }
}

clear(document.body.dataset.person);
// The draft page's own listener, on the form's way up, has sent what was typed last by now.
window.addEventListener("submit", (event) => {
  if (event.target.matches("[data-sign-out]")) clear("");
});
