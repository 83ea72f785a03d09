/* Keeps what is typed: on the server while that answers, in this browser until it has. */

import { cookie } from "../cookies.js";
import { oneAtATime } from "./draftqueue.js";
import { keep, kept, settle } from "./draftstore.js";

const PAUSE = 800;
const HOLD = 60_000;
// What is the page's, not the reader's.
const UNKEPT = ["csrfmiddlewaretoken", "prediction", "numbers"];

const form = document.querySelector("form[data-draft-url]");
const line = document.getElementById("draft-state");
const { draftKey = "", reading = "" } = document.getElementById("reading")?.dataset ?? {};
let revision = 0;
let timer = 0;
let isSent = false;

function typed() {
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (!UNKEPT.includes(name)) fields.append(name, value);
  return fields.toString();
}

/** Run what touches this browser's storage, which may be full or forbidden: the server still has the draft. */
function stored(act) {
  try {
    return act(localStorage);
  } catch {
    return null;
  }
}

function say(name) {
  if (line) line.textContent = line.dataset[name] ?? "";
}

function post(address, body, keepalive = false) {
  return fetch(address, {
    method: "POST",
    body,
    keepalive,
    headers: { "X-CSRFToken": cookie(document.cookie, "csrftoken"), "X-Requested-With": "XMLHttpRequest" },
  });
}

async function send({ fields, keepalive }) {
  const body = new URLSearchParams(fields);
  body.set("revision", String(revision));
  body.set("reader", draftKey.split(":")[0]);
  try {
    const answer = await post(form.dataset.draftUrl, body, keepalive);
    if (answer.ok) {
      revision = (await answer.json()).revision;
      stored((storage) => settle(storage, draftKey, fields));
      say("saved");
    } else say({ 401: "session", 403: "session", 409: "conflict" }[answer.status] ?? "offline");
  } catch {
    say("offline");
    if (timer === 0) wait(PAUSE * 5);
  }
}

const queue = oneAtATime(send);

function wait(pause) {
  window.clearTimeout(timer);
  timer = window.setTimeout(() => save(false), pause);
}

function save(keepalive) {
  window.clearTimeout(timer);
  timer = 0;
  if (!isSent) queue({ fields: typed(), keepalive });
}

function changed() {
  stored((storage) => keep(storage, draftKey, reading, typed()));
  wait(PAUSE);
}

/** Put back what this browser kept since the server could not be reached. */
function restore(fields) {
  for (const [name, value] of new URLSearchParams(fields)) {
    for (const field of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
      if (field.type === "radio") field.checked = field.value === value;
      else field.value = value;
    }
  }
  form.dispatchEvent(new Event("change", { bubbles: true }));
  say("restored");
}

async function hold() {
  if (document.visibilityState !== "visible" || isSent) return;
  try {
    const answer = await post(form.dataset.holdUrl);
    if (answer.status === 409) say("lost");
    else if (answer.ok) document.getElementById("reading").dataset.held = (await answer.json()).held;
  } catch {
    say("offline");
  }
}

// Also on a page without a form: what it shows as locked or submitted, the server has.
const before = draftKey ? stored((storage) => kept(storage, draftKey, reading)) : null;

if (form) {
  revision = Number(form.dataset.revision);
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  form.addEventListener("submit", () => {
    // The words stay in this browser until a page shows that the server has them.
    stored((storage) => keep(storage, draftKey, reading, typed()));
    isSent = true;
    window.clearTimeout(timer);
  });
  window.addEventListener("pageshow", () => {
    isSent = false;
  });
  for (const [target, kind] of [[document, "visibilitychange"], [document, "submit"]]) {
    target.addEventListener(kind, (event) => {
      const leaves = document.visibilityState === "hidden" || event.target.matches?.("[data-sign-out]");
      if (leaves && timer) save(true);
    });
  }
  if (before) restore(before);
  if (form.dataset.holdUrl) window.setInterval(hold, HOLD);
}
