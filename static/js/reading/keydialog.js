/* The list of keys, and the way to other ones. */

import { eachPage } from "../page.js";
import { isComposed } from "../typing.js";
import { chosenKey, keyMap } from "./keys.js";

const STORED = "secondread.keys";
const dialog = document.getElementById("keys-dialog");
const rows = [...(dialog?.querySelectorAll("[data-act]") ?? [])];

/** Every act, as the list of the page has it. */
export const ACTS = rows.map(({ dataset }) => ({
  id: dataset.act,
  key: dataset.key,
  name: dataset.name,
  value: dataset.value,
  inViewer: "inViewer" in dataset,
}));

function stored() {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? "{}");
  } catch {
    return {};
  }
}

/** Key by act, as this reader has it. */
export const ownKeys = () => keyMap(ACTS, stored());

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
  if (!dialog || dialog.open) return;
  dialog.showModal();
}

if (dialog) {
  eachPage(() => {
    dialog.close();
    fill();
    for (const button of document.querySelectorAll("[data-show-keys]")) button.addEventListener("click", showKeys);
  });
  for (const row of rows) row.querySelector("button").addEventListener("click", () => listen(row));
  dialog.querySelector("[data-reset]").addEventListener("click", () => write({}));
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
}

