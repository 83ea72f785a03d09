/* The worklist by keys, the number of ticked cases, and the news when somebody looks again. */

import { showScripted } from "../scriptonly.js";
import { listenToFilters } from "./filters.js";
import { stepped, worklistActOf } from "./keys.js";

// The list is swapped as filters are chosen: what stands in it is looked up when it is asked for.
const rows = () => [...document.querySelectorAll(".worklist tbody tr")];
const ticks = () => [...document.querySelectorAll("input[name='case']")];
const dialog = document.getElementById("worklist-keys");
const keyed = [...dialog.querySelectorAll("[data-act]")].map(({ dataset }) => ({
  id: dataset.act,
  key: dataset.key,
  arrow: dataset.arrow,
}));
const rowOf = (element) => rows().indexOf(element.closest("tr"));

const acts = {
  down: () => go("down"),
  up: () => go("up"),
  start: () => document.querySelector("[data-start]")?.click(),
  search: () => document.querySelector("input[type='search']").focus(),
  tick: () => rows()[rowOf(document.activeElement)]?.querySelector("input[name='case']")?.click(),
  keys: () => dialog.showModal(),
};

function go(direction) {
  const at = stepped(rowOf(document.activeElement), rows().length, direction);
  rows()[at]?.querySelector(".case-code").focus();
}

document.addEventListener("keydown", (event) => {
  if (dialog.open) return;
  const act = worklistActOf(event, event.target, keyed, rowOf(event.target) >= 0);
  if (!act) return;
  event.preventDefault();
  acts[act]();
});

for (const button of document.querySelectorAll("[data-show-keys]")) button.addEventListener("click", acts.keys);
dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());

function countTicks() {
  const all = document.getElementById("tick-all");
  if (!all) return;
  const ticked = document.getElementById("ticked");
  const number = ticks().filter((tick) => tick.checked).length;
  ticked.textContent = number;
  ticked.hidden = number === 0;
  all.checked = number > 0 && number === ticks().length;
  all.indeterminate = number > 0 && number < ticks().length;
}

document.addEventListener("change", ({ target }) => {
  if (target.id === "tick-all") for (const tick of ticks()) tick.checked = target.checked;
  if (target.id === "tick-all" || target.name === "case") countTicks();
});
// A browser that comes back to the page brings the ticks of before.
addEventListener("pageshow", countTicks);

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) document.body.dispatchEvent(new CustomEvent("rows-changed"));
});
document.addEventListener("htmx:afterSettle", ({ target }) => {
  if (target.id !== "worklist-list") return;
  showScripted(target);
  countTicks();
});

showScripted(document);
listenToFilters(document.getElementById("filters"));
