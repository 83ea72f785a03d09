/* Forms are sent as who is signed in now, if that is who the page was made for, and after what they depend on. */

import { cookie } from "../cookies.js";
import { stored } from "./browserdraft.js";
import { personOf } from "./store.js";

/**
 * Signing in again in another window makes the form's token an old one: give it the new one, and say who has typed,
 * so that the server takes it from nobody else (portal/same_person.py).
 */
function renew(form, person) {
  const token = form.elements.namedItem("csrfmiddlewaretoken");
  if (!token || stored(personOf) !== person) return;
  token.value = cookie(document.cookie, "csrftoken") || token.value;
  let typedBy = form.elements.namedItem("typed_by");
  if (!typedBy) {
    typedBy = Object.assign(document.createElement("input"), { type: "hidden", name: "typed_by" });
    form.append(typedBy);
  }
  typedBy.value = person;
}

/** Mind each form that leaves the page, until the page itself goes; `kept` holds its drafts, and their saves where there are
    any. */
export function mindLeaving(person, kept, signal) {
  let isReady = false;

  function onSubmit(event) {
    const { target: form, submitter } = event;
    if (form.getAttribute("method")?.toLowerCase() !== "post") return;
    renew(form, person);
    const signsOut = form.matches("[data-sign-out]");
    const own = kept.find(({ draft }) => draft.form === form);
    own?.draft.keep(true);
    // A save that arrives after the sign-out is refused, and one after the form itself is a draft of what is over.
    const saves = kept.filter((each) => each.saves && (signsOut || each === own)).map((each) => each.saves);
    const busy = saves.filter((save) => save.isBusy() || (signsOut && save.isWaiting()));
    if (isReady || busy.length === 0) {
      for (const save of saves) save.stop();
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    Promise.all(busy.map((save) => save.finish(signsOut))).then(() => {
      isReady = true;
      form.requestSubmit(submitter);
      isReady = false;
    });
  }

  window.addEventListener("submit", onSubmit, { capture: true, signal });
}
