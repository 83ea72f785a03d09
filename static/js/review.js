/* Keys for the reader, and the question for another class only where it is asked. */

import { actOf } from "./keys.js";
import { showScripted } from "./scriptonly.js";

const form = document.getElementById("review-form");

function choose(name, value) {
  const answer = form?.querySelector(`input[name="${name}"][value="${value}"]`);
  if (!answer) return false;
  answer.checked = true;
  answer.focus();
  answer.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

function goOn() {
  const link = document.querySelector("[data-key-target='next']");
  link?.click();
  return link !== null;
}

/** Ask for another class only of a reader who disagrees; a refused answer stays in sight. */
function askForClass() {
  // Where the network's class is withheld, the class is the question itself.
  if (!form.querySelector("input[name='verdict']")) return;
  const question = form.querySelector("[data-question='corrected_class']");
  const verdict = form.querySelector("input[name='verdict']:checked")?.value;
  const isAsked = verdict === "disagree" || question.querySelector(".field__errors") !== null;
  question.hidden = !isAsked;
  question.disabled = verdict === "agree";
}

document.addEventListener("keydown", (event) => {
  const act = actOf(event, event.target);
  if (!act) return;
  if (act.name === "next" ? goOn() : choose(act.name, act.value)) event.preventDefault();
});

if (form) {
  showScripted(form);
  form.addEventListener("change", askForClass);
  form.addEventListener("submit", () => {
    // One press, one review; the page that answers brings the button back.
    form.querySelector("button[type='submit']").disabled = true;
  });
  window.addEventListener("pageshow", () => {
    form.querySelector("button[type='submit']").disabled = false;
    askForClass();
  });
  askForClass();
}
