/* Frees the place of a case as its page goes, so that nobody waits for a case that was left without a read. */

import { cookie } from "../cookies.js";

const reading = document.getElementById("reading");

if (reading?.dataset.leaveUrl) {
  // A page goes once the next one is there. That the server has held the place anew for that one, or for
  // another window, shows in `held`, which this page still has as it was.
  window.addEventListener("pagehide", () => {
    const body = new URLSearchParams({ held: reading.dataset.held, csrfmiddlewaretoken: cookie(document.cookie, "csrftoken") });
    navigator.sendBeacon(reading.dataset.leaveUrl, body);
  });
  // Brought back as it was, without its place: ask for it again.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });
}
