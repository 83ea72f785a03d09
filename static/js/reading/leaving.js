/* Frees the place of a case as its page goes, so that nobody waits for a case that was left without a read. */

import { cookie } from "../cookies.js";
import { eachPage } from "../page.js";

// A page that is swapped in shows its picture first.
const AFTER = 1000;

/** Do it a little later, or as the document goes. */
function soon(act) {
  const done = new AbortController();
  const run = () => {
    done.abort();
    window.clearTimeout(timer);
    act();
  };
  const timer = window.setTimeout(run, AFTER);
  window.addEventListener("pagehide", run, { signal: done.signal });
}

eachPage((signal) => {
  const reading = document.getElementById("reading");
  if (!reading?.dataset.leaveUrl) return;
  // A page goes once the next one is there. That the server has held the place anew for that one, or for
  // another window, shows in `held`, which this page still has as it was.
  const leave = () => {
    const body = new URLSearchParams({ held: reading.dataset.held, csrfmiddlewaretoken: cookie(document.cookie, "csrftoken") });
    navigator.sendBeacon(reading.dataset.leaveUrl, body);
  };
  signal.addEventListener("abort", () => soon(leave), { once: true });
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
