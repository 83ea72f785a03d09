/* One form's draft in this browser: put back when the page comes again, kept with each change. */

import { shownAddress } from "../address.js";
import { alike, fateOf, fill, servedIn, typedIn, wordsIn } from "./fields.js";
import * as store from "./store.js";

const MOST_UNANSWERED = 5;

/** Run what touches this browser's storage, which may be full or forbidden; null where it is. */
export function stored(act) {
  try {
    return act(localStorage);
  } catch {
    return null;
  }
}

/** `signal` aborts as the form's page goes; a save that ends later still says where the form was. */
export function browserDraft(form, person, signal) {
  const key = form.dataset.draft;
  let base = servedIn(form.elements);
  let sent = [];
  const here = () => ({ page: shownAddress(), title: document.title });
  let place = here();

  /** Keep what is typed now; false where the page's person has signed out since. */
  function keep(isSubmitted = false) {
    const fields = typedIn(form.elements);
    return stored((storage) => {
      if (store.personOf(storage) !== person) return false;
      if (alike(fields, base) && sent.length === 0) return store.drop(storage, person, key);
      if (!signal.aborted) place = here();
      const words = wordsIn(form.elements, base);
      return store.keep(storage, person, key, { fields, base, sent, isSubmitted, words, ...place });
    }) !== false;
  }

  /** Put back what was kept, where it still belongs here; what became of it (`fateOf`), or "none". */
  function begin() {
    const entry = stored((storage) => store.kept(storage, person, key));
    if (!entry) return "none";
    const fate = fateOf(entry, base);
    if (fate === "aside") {
      stored((storage) => store.putAside(storage, person, key, entry, Date.now()));
      return fate;
    }
    base = entry.base;
    sent = entry.sent ?? [];
    if (fate === "back") fill(form.elements, entry.fields);
    keep();
    return fate;
  }

  return {
    form,
    begin,
    keep,
    /** The fields, which the server is given now. Until it answers, it may have them or not. */
    sending() {
      const fields = typedIn(form.elements);
      sent = [...sent, fields].slice(-MOST_UNANSWERED);
      keep();
      return fields;
    },
    /** The server has these fields. */
    arrived(fields) {
      base = fields;
      sent = [];
      keep();
    },
    /** Whether the server may have these fields from here, without that this page knows of it. */
    hasSent: (fields) => sent.some((each) => alike(each, fields)),
  };
}
