/* Keys for the reader, reading time, and the questions only where they are asked. */

import { eachPage } from "../page.js";
import { showScripted } from "../scriptonly.js";
import { readAhead } from "../viewer/depth.js";
import { leavesWords } from "../typing.js";
import { actOn, showKeys } from "./keydialog.js";
import { isSending } from "./keys.js";
import { readingTime } from "./readingtime.js";

// The form of the page in sight, if it has one.
let form = null;
const OTHER = "other";

function answer(input) {
  if (!input || input.disabled || input.closest("[hidden]")) return false;
  input.checked = true;
  input.focus();
  input.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

function choose({ name, value }) {
  if (!form) return false;
  if (name !== "class") return answer(form.querySelector(`input[name="${name}"][value="${value}"]`));
  const inputs = [...form.querySelectorAll("input[name='read_class'], input[name='corrected_class']")];
  // The network's class is not among those to take instead of it: who sees it agrees.
  const codes = form.dataset.classes?.split(" ") ?? inputs.map((input) => input.value);
  const input = inputs.find((each) => each.value === codes[Number(value)]);
  const verdict = (kind) => form.querySelector(`input[name="verdict"][value="${kind}"]`);
  if (!input) return Number(value) < codes.length && answer(verdict("agree"));
  // A class names what the reader sees; where the network's class is shown, another one is a disagreement.
  if (verdict("disagree")?.checked === false) answer(verdict("disagree"));
  return answer(input);
}

/** Let the viewer (viewer.js) do it. */
function see(detail) {
  document.getElementById("viewer")?.dispatchEvent(new CustomEvent("viewer-act", { detail }));
  return true;
}

function press(selector) {
  const target = document.querySelector(selector);
  if (!target) return false;
  if (target.tagName === "FORM") target.requestSubmit();
  else target.click();
  return true;
}

/** Go to a field of the form; Escape leads back to the keys. */
function goTo(name) {
  const field = form?.elements[name];
  if (!field || field.closest("[hidden]")) return false;
  field.focus();
  return true;
}

const DEEDS = {
  next: () => press("[data-key-target='next']"),
  undo: () => press("[data-key-target='undo']"),
  save: () => press("#review-form button[type='submit']"),
  amend: () => press("[data-key-target='amend']"),
  finding: () => goTo("other_finding"),
  comment: () => goTo("comment"),
  reason: () => goTo("reason"),
  keys: () => {
    showKeys();
    return true;
  },
};

/** Ask for another class only of a reader who disagrees; a refused answer stays in sight. */
function askForClass() {
  const question = form.querySelector("[data-question='corrected_class']");
  // Where the network's class is withheld, the class is the question itself.
  if (!question || !form.querySelector("input[name='verdict']")) return;
  const verdict = form.querySelector("input[name='verdict']:checked")?.value;
  const isAsked = verdict === "disagree" || question.querySelector(".field__errors") !== null;
  question.hidden = !isAsked;
  question.disabled = verdict === "agree";
}

/** Ask for words only where no class of the list fits. */
function askForWords() {
  const words = form.querySelector("[name='other_finding']");
  if (!words) return;
  const seen = form.querySelector("input[name='read_class']:checked, input[name='corrected_class']:checked:enabled");
  words.closest(".field").hidden = seen?.value !== OTHER;
}

function ask() {
  askForClass();
  askForWords();
}

function measure(signal) {
  const field = form.elements.active_seconds;
  const clock = readingTime(performance.now(), Number(field.value) || 0);
  const write = () => {
    field.value = String(clock.seconds(performance.now()));
  };
  for (const kind of ["pointermove", "pointerdown", "keydown", "wheel", "touchstart"]) {
    document.addEventListener(kind, () => clock.active(performance.now()), { passive: true, signal });
  }
  document.addEventListener(
    "visibilitychange",
    () => {
      clock.sight(performance.now(), document.visibilityState === "visible");
      write();
    },
    { signal },
  );
  form.addEventListener("input", write);
  form.addEventListener("submit", write);
}

/** Begin where the news is: what is wrong, else what has been said about the last act, else the heading. */
function begin() {
  const content = document.getElementById("content");
  if (document.activeElement !== document.body || window.location.hash) return;
  const target = content.querySelector("[role='alert']:not([hidden])") ?? content.querySelector("#messages > *") ?? content.querySelector("h1");
  target.tabIndex = -1;
  target.focus({ preventScroll: target.tagName === "H1" });
}

async function answered(address, signal) {
  const answer = await fetch(address, { signal });
  return answer.ok ? await answer.json() : null;
}

/** Have the next case's picture at hand, as both viewers need it, or say that none waits; neither claims anything. */
async function prefetch(signal) {
  const link = document.querySelector("[data-ahead]");
  if (!link) return;
  // The page may go before the answer is there, or in the middle of it.
  const told = await answered(link.dataset.ahead, signal).catch(() => null);
  if (!told) return;
  const { picture, volume } = told;
  if (picture) {
    new Image().src = picture;
    readAhead(volume);
  } else {
    link.hidden = true;
    document.querySelector("[data-none-waits]").hidden = false;
  }
}

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  if (isSending(event, event.target)) {
    if (DEEDS.save()) event.preventDefault();
    return;
  }
  if (form?.contains(event.target) && leavesWords(event, event.target)) {
    // Out of the words, so that letters are keys again.
    form.focus();
    return;
  }
  const act = actOn(event);
  if (!act) return;
  const isDone = act.name ? choose(act) : act.inViewer ? see(act.id) : DEEDS[act.id]();
  if (isDone) event.preventDefault();
});

function openForm(signal) {
  if (form.elements.active_seconds) measure(signal);
  const button = form.querySelector("button[type='submit']");
  const release = () => {
    button.disabled = false;
    ask();
  };
  form.addEventListener("change", ask);
  form.addEventListener("submit", () => {
    // One press, one review; the page that answers brings the button back.
    button.disabled = true;
  });
  form.addEventListener("page-stays", release);
  window.addEventListener("pageshow", release, { signal });
  ask();
}

eachPage((signal) => {
  form = document.getElementById("review-form");
  showScripted(document.getElementById("content"));
  begin();
  if (form) openForm(signal);
  // The picture in sight first: what comes next waits until it is there in full depth, or as well as it can be.
  const viewer = document.getElementById("viewer");
  if ("rests" in viewer.dataset) prefetch(signal);
  else viewer.addEventListener("viewer-rests", () => prefetch(signal), { once: true });
});
