/* A form that a security key fills in: its button has the browser ask the key, and the answer is sent as a field. */

import { showScripted } from "../scriptonly.js";
import { answerOf, creationOf, requestOf } from "./encoding.js";

const ASK = {
  new: (asked) => navigator.credentials.create({ publicKey: creationOf(asked) }),
  known: (asked) => navigator.credentials.get({ publicKey: requestOf(asked) }),
};

/** The words of the form that say what went wrong; the browser tells a page no more than these two kinds. */
const wordsFor = (form, error) =>
  form.querySelector(error.name === "InvalidStateError" ? "[data-key-known]" : "[data-key-silent]") ??
  form.querySelector("[data-key-silent]");

async function ask(form) {
  for (const words of form.querySelectorAll("[role=alert]")) words.hidden = true;
  try {
    const answer = await ASK[form.dataset.securityKey](JSON.parse(form.dataset.asked));
    form.elements.credential.value = JSON.stringify(answerOf(answer));
  } catch (error) {
    wordsFor(form, error).hidden = false;
    return;
  }
  form.submit();
}

for (const form of document.querySelectorAll("[data-security-key]")) {
  showScripted(form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(form);
  });
}
