/* The draft at the server: saved while one types, one save at a time; and the reader's place, held meanwhile. */

import { cookie } from "../cookies.js";
import { encoded } from "./fields.js";
import { oneAtATime } from "./queue.js";

const PAUSE = 800;
const HOLD = 60_000;
// Who leaves waits no longer for a line that is stuck.
const LONGEST_WAIT = 3000;
const REFUSED = { 401: "session", 403: "session", 409: "conflict", 410: "deleted" };

/** `signal` aborts as the form's page goes: then what waits is sent, and nothing after it. */
export function serverDraft(draft, { person, say, signal }) {
  const { draftUrl, holdUrl, revision: served } = draft.form.dataset;
  // Of the form's own page, which may have gone when an answer comes.
  const reading = document.getElementById("reading");
  let revision = Number(served);
  let timer = 0;
  let running = null;
  let holding = null;
  let isUnsaved = false;
  let isStopped = false;
  let stopping = new AbortController();

  function post(address, fields, keepalive = false) {
    const body = new URLSearchParams(fields);
    body.set("typed_by", person);
    const headers = { "X-CSRFToken": cookie(document.cookie, "csrftoken"), "X-Requested-With": "XMLHttpRequest" };
    return fetch(address, { method: "POST", body, keepalive, headers, signal: stopping.signal });
  }

  async function send(keepalive) {
    const fields = draft.sending();
    isUnsaved = true;
    try {
      const answer = await post(draftUrl, `${fields}&revision=${revision}`, keepalive);
      const said = answer.ok || answer.status === 409 ? await answer.json() : {};
      if (answer.ok) {
        isUnsaved = false;
        revision = said.revision;
        draft.arrived(fields);
        say("saved");
      } else if (said.fields && draft.hasSent(encoded(said.fields))) {
        // The other save was an own one, whose answer never came.
        revision = said.revision;
        queue(keepalive);
      } else {
        // What another window has written is not written over, however often this one comes back.
        isUnsaved = answer.status !== 409 && answer.status !== 410;
        say(REFUSED[answer.status] ?? "offline");
      }
    } catch {
      say("offline");
      if (timer === 0 && !isStopped) wait(PAUSE * 5);
    }
  }

  const queue = oneAtATime(send);

  function wait(pause) {
    window.clearTimeout(timer);
    timer = window.setTimeout(save, pause, false);
  }

  function save(keepalive) {
    window.clearTimeout(timer);
    timer = 0;
    if (isStopped) return;
    running = queue(keepalive).finally(() => {
      running = null;
    });
  }

  async function hold() {
    if (document.visibilityState !== "visible" || isStopped) return;
    try {
      const answer = await post(holdUrl);
      if (answer.status === 409) say("lost");
      else if (answer.status === 410) say("deleted");
      else if (answer.ok) reading.dataset.held = (await answer.json()).held;
    } catch {
      if (!isStopped) say("offline");
    }
  }

  function resume() {
    if (document.visibilityState === "visible" && isUnsaved && !running && timer === 0) save(false);
  }

  function stop() {
    window.clearTimeout(timer);
    timer = 0;
    isStopped = true;
  }

  function onSight() {
    if (document.visibilityState === "hidden" && timer) save(true);
    resume();
  }

  function holdOn() {
    holding = hold().finally(() => {
      holding = null;
    });
  }

  document.addEventListener("visibilitychange", onSight, { signal });
  // Who has signed in again in another window comes back to this one.
  window.addEventListener("focus", resume, { signal });
  window.addEventListener(
    "pageshow",
    () => {
      isStopped = false;
    },
    { signal },
  );
  const clock = holdUrl ? window.setInterval(holdOn, HOLD) : 0;
  signal.addEventListener(
    "abort",
    () => {
      window.clearInterval(clock);
      if (timer) save(true);
      stop();
    },
    { once: true },
  );

  return {
    changed() {
      isStopped = false;
      isUnsaved = true;
      wait(PAUSE);
    },
    stop,
    isBusy: () => Boolean(running ?? holding),
    isWaiting: () => timer !== 0,
    /** Send what waits, if `isFlushed`, let what is under way end, and send nothing after it. */
    async finish(isFlushed) {
      if (isFlushed && timer) save(false);
      stop();
      await Promise.race([
        Promise.all([running, holding]),
        new Promise((done) => {
          window.setTimeout(done, LONGEST_WAIT);
        }),
      ]);
      stopping.abort();
      stopping = new AbortController();
    },
  };
}
