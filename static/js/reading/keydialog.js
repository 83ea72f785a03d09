/* The list of keys, and the way to other ones. */

import { eachPage } from "../page.js";
import { isComposed } from "../typing.js";
import { actOf, chosenKey, keyMap } from "./keys.js";

const STORED = "secondread.keys";

// The list of the page in sight, which names the classes of its form, and every act in it.
let dialog;
let rows;
let acts;

function stored() {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? "{}");
  } catch {
    return {};
  }
}

/** Key by act, as this reader has it. */
const ownKeys = () => keyMap(acts, stored());

/** The act that a press stands for on the page in sight, or null. */
export const actOn = (event) => actOf(event, event.target, acts, ownKeys());

function write(own) {
  localStorage.setItem(STORED, JSON.stringify(own));
  fill();
}

function fill() {
  const map = ownKeys();
  for (const row of rows) row.querySelector("kbd").textContent = map.get(row.dataset.act);
  for (const hint of document.querySelectorAll("[data-key-of]")) hint.textContent = map.get(hint.dataset.keyOf);
}

function listen(row) {
  const said = dialog.querySelector("[role='status']");
  said.textContent = dialog.dataset.press;
  const take = (event) => {
    if (["Shift", "Control", "Alt", "Meta"].includes(event.key) || isComposed(event)) return;
    event.preventDefault();
    event.stopPropagation();
    dialog.removeEventListener("keydown", take, true);
    if (event.key === "Escape") {
      said.textContent = "";
      return;
    }
    const { key, why } = chosenKey(event, row.dataset.act, ownKeys());
    said.textContent = why ? dialog.dataset[why] : dialog.dataset.changed;
    if (!why) write({ ...stored(), [row.dataset.act]: key });
  };
  dialog.addEventListener("keydown", take, true);
}

/** Open the list; the browser keeps the focus in it and gives it back. */
export function showKeys() {
  if (!dialog.open) dialog.showModal();
}

eachPage(() => {
  dialog = document.getElementById("keys-dialog");
  rows = [...dialog.querySelectorAll("[data-act]")];
  acts = rows.map(({ dataset }) => ({
    id: dataset.act,
    key: dataset.key,
    name: dataset.name,
    value: dataset.value,
    inViewer: "inViewer" in dataset,
  }));
  fill();
  for (const button of document.querySelectorAll("[data-show-keys]")) button.addEventListener("click", showKeys);
  for (const row of rows) row.querySelector("button").addEventListener("click", () => listen(row));
  dialog.querySelector("[data-reset]").addEventListener("click", () => write({}));
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
});
