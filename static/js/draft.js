/* Keeps what is typed: on the server while that answers, in this browser always. */

import { cookie } from "./uploadqueue.js";

const PAUSE = 800;
const HOLD = 60_000;

const form = document.querySelector("form[data-draft-url]");
const line = document.getElementById("draft-state");
let revision = 0;
let timer = 0;
let isSent = false;

const storageKey = () => `secondread.draft.${form.dataset.draftKey}`;

function fieldsOf(data) {
  const fields = new URLSearchParams();
  for (const [name, value] of data) if (!["csrfmiddlewaretoken", "prediction", "numbers"].includes(name)) fields.append(name, value);
  return fields;
}

function remember() {
  try {
    localStorage.setItem(storageKey(), fieldsOf(new FormData(form)).toString());
  } catch {
    // A full or forbidden storage: the server still has the draft.
  }
}

function forget() {
  localStorage.removeItem(storageKey());
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

async function save(keepalive = false) {
  window.clearTimeout(timer);
  timer = 0;
  const body = fieldsOf(new FormData(form));
  body.set("revision", String(revision));
  try {
    const answer = await post(form.dataset.draftUrl, body, keepalive);
    if (answer.ok) {
      revision = (await answer.json()).revision;
      forget();
      say("saved");
    } else say({ 401: "session", 403: "session", 409: "conflict" }[answer.status] ?? "offline");
  } catch {
    say("offline");
    later();
  }
}

function later() {
  if (timer === 0) timer = window.setTimeout(save, PAUSE * 5);
}

function changed() {
  remember();
  window.clearTimeout(timer);
  timer = window.setTimeout(save, PAUSE);
}

/** Put back what this browser kept since the server could not be reached. */
function restore() {
  let kept = null;
  try {
    kept = localStorage.getItem(storageKey());
  } catch {
    return;
  }
  if (!kept) return;
  for (const [name, value] of new URLSearchParams(kept)) {
    for (const field of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
      if (field.type === "radio") field.checked = field.value === value;
      else field.value = value;
    }
  }
  form.dispatchEvent(new Event("change", { bubbles: true }));
  say("restored");
}

if (form) {
  revision = Number(form.dataset.revision);
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  form.addEventListener("submit", () => {
    isSent = true;
    window.clearTimeout(timer);
    forget();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden" && timer && !isSent) save(true);
  });
  restore();
  window.setInterval(() => {
    if (document.visibilityState === "visible") post(form.dataset.holdUrl).catch(() => say("offline"));
  }, HOLD);
}
