/* Frees the place of a case as its page goes, so that nobody waits for a case that was left without a read. */

import { cookie } from "../cookies.js";
import { eachPage } from "../page.js";

eachPage((signal) => {
  const reading = document.getElementById("reading");
  if (!reading?.dataset.leaveUrl) return;
  // A page goes once the next one is there. That the server has held the place anew for that one, or for
  // another window, shows in `held`, which this page still has as it was.
  const leave = () => {
    const body = new URLSearchParams({ held: reading.dataset.held, csrfmiddlewaretoken: cookie(document.cookie, "csrftoken") });
    navigator.sendBeacon(reading.dataset.leaveUrl, body);
  };
  signal.addEventListener("abort", leave, { once: true });
  window.addEventListener("pagehide", leave, { signal });
  // Brought back as it was, without its place: ask for it again.
  window.addEventListener(
    "pageshow",
    (event) => {
      if (event.persisted) window.location.reload();
    },
    { signal },
  );
});
