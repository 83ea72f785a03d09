/* What somebody types is kept until the server has it, in every form with `data-draft`, its key.

   Pages say in `data-drafts` what became of earlier ones: `saved:KEY` is stored, `unsaved:KEY` was refused, and
   `signed-out` stands on the page that confirms it: workstations are shared, and then nothing stays. */

import { browserDraft, stored } from "./browserdraft.js";
import { mindLeaving } from "./leaving.js";
import { offer } from "./leftwords.js";
import { serverDraft } from "./serverdraft.js";
import { eachPage } from "../page.js";
import { keepOnly, personOf, reopen, settle } from "./store.js";

/** The line of a form that says where its words are. */
function lineOf(form) {
  const line = document.createElement("p");
  line.className = "draft-state small soft";
  line.setAttribute("role", "status");
  const actions = form.querySelector(".form__actions");
  if (actions) actions.after(line);
  else form.append(line);
  return line;
}

function attach(form, { person, section, signal }) {
  const draft = browserDraft(form, person, signal);
  const line = lineOf(form);
  const say = (name) => {
    const isKept = name !== "session" || stored(personOf) === person;
    line.textContent = section.dataset[isKept ? name : "elsewhere"];
  };
  const fate = draft.begin();
  const saves = form.dataset.draftUrl ? serverDraft(draft, { person, say, signal }) : null;
  if (fate === "back") {
    form.dispatchEvent(new Event("change", { bubbles: true }));
    say("restored");
  }
  if (fate === "back" || fate === "same") saves?.changed();
  const changed = () => {
    if (!draft.keep()) say("elsewhere");
    saves?.changed();
  };
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  // What was sent has not come through: it is a draft again.
  form.addEventListener("page-stays", changed);
  return { draft, saves };
}

/** What became of earlier drafts, and the words that are left of them. */
function open(signal) {
  const person = document.body.dataset.person ?? "";
  const section = document.getElementById("left-words");
  const told = [...document.querySelectorAll("[data-drafts]")].flatMap(({ dataset }) => dataset.drafts.split(" "));
  const keysOf = (word) => told.filter((each) => each.startsWith(`${word}:`)).map((each) => each.slice(word.length + 1));
  if (!person) {
    if (told.includes("signed-out")) stored((storage) => keepOnly(storage, ""));
    return;
  }
  stored((storage) => keepOnly(storage, person));
  for (const key of keysOf("saved")) stored((storage) => settle(storage, person, key));
  for (const key of keysOf("unsaved")) stored((storage) => reopen(storage, person, key));
  const kept = [...document.querySelectorAll("form[data-draft]")].map((form) => attach(form, { person, section, signal }));
  mindLeaving(person, kept, signal);
  offer(section, person, {
    keys: kept.map(({ draft }) => draft.form.dataset.draft),
    reopened: keysOf("unsaved"),
    isEvery: document.querySelector("[data-every-draft]") !== null,
    areShown: document.querySelector("[data-words-shown]") !== null,
  });
}

eachPage(open);
