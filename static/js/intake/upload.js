/* Sends the chosen files one by one, a few at a time, or all in one request where they are the slices of one case,
   and shows what becomes of each. The server answers with the finished row (cases/intake/views.py); without this module
   the form sends all of them at once and the server answers with a page of the same rows. */

import { cookie } from "../cookies.js";
import { showScripted } from "../scriptonly.js";
import { filesOf } from "./dropped.js";
import {
  failureOf,
  fill,
  firstCodes,
  heldAndReady,
  nextToStart,
  parcelsOf,
  percent,
  progressOf,
  refusalOf,
  summaryOf,
} from "./uploadqueue.js";

const OUTCOME_HEADER = "X-Upload-Outcome";
const SILENCE_MS = 120_000;

const form = document.getElementById("upload-form");
const picker = document.getElementById("files");
const zone = document.getElementById("drop-zone");
const results = document.getElementById("upload-results");
const list = document.getElementById("upload-list");
const summary = document.getElementById("upload-summary");
const rowTemplate = document.getElementById("upload-row");
const heldNote = document.getElementById("upload-held");
const entries = [];
let held = [];
const limits = Object.fromEntries(
  ["maxBytes", "maxRequestBytes", "maxImages"].map((name) => [name, Number(form.dataset[name])]),
);

const part = (row, name) => row.querySelector(`[data-part="${name}"]`);

/* Files that are picked before the cohort are kept, and go when it is chosen. */
function take(files) {
  const next = heldAndReady(held, files, form.elements.cohort.value);
  held = next.held;
  heldNote.hidden = held.length === 0;
  heldNote.textContent = held.length === 0 ? "" : fill(heldNote.dataset.held, { n: held.length });
  if (next.ready.length > 0) add(next.ready);
  else if (held.length > 0) form.reportValidity();
}

function add(files) {
  const grouping = form.elements.grouping.value;
  for (const parcel of parcelsOf(files, grouping)) {
    const row = rowTemplate.content.firstElementChild.cloneNode(true);
    const isOne = parcel.length === 1;
    const words = grouping === "one_case" ? list.dataset.oneCase : list.dataset.bySeries;
    part(row, "name").textContent = isOne ? parcel[0].name : fill(words, { n: parcel.length });
    part(row, "state").textContent = list.dataset.waiting;
    list.append(row);
    const cohort = form.elements.cohort.value;
    const volume = form.elements.volume.value;
    const entry = { files: parcel, count: parcel.length, row, stage: "waiting", cohort, grouping, volume };
    part(row, "again").addEventListener("click", () => again(entry));
    entries.push(entry);
    // The server refuses it as well, but only after all of it has come over the line.
    const refusal = refusalOf(parcel, limits);
    if (refusal) fail(entry, refusal);
  }
  results.hidden = entries.length === 0;
  advance();
}

function again(entry) {
  entry.stage = "waiting";
  part(entry.row, "more").hidden = true;
  part(entry.row, "state").textContent = list.dataset.waiting;
  advance();
}

function advance() {
  nextToStart(entries).forEach(send);
  const progress = progressOf(entries);
  summary.textContent = fill(list.dataset[summaryOf(progress)], progress);
}

function send(entry) {
  entry.stage = "sending";
  const [bar, state] = [part(entry.row, "progress"), part(entry.row, "state")];
  bar.hidden = false;
  bar.value = 0;
  state.textContent = list.dataset.sending;
  const body = new FormData();
  body.append("cohort", entry.cohort);
  body.append("grouping", entry.grouping);
  body.append("volume", entry.volume);
  for (const file of entry.files) body.append("files", file);
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.setRequestHeader("X-Requested-With", "XMLHttpRequest");
  // The cookie, not the form's field: signing in again in another window renews it.
  request.setRequestHeader("X-CSRFToken", cookie(document.cookie, "csrftoken") || form.elements.csrfmiddlewaretoken.value);
  // A large file on a slow line may take long, but not without a byte of progress.
  let silence = setTimeout(() => request.abort(), SILENCE_MS);
  request.upload.addEventListener("progress", (event) => {
    clearTimeout(silence);
    silence = setTimeout(() => request.abort(), SILENCE_MS);
    bar.value = percent(event.loaded, event.total);
  });
  request.upload.addEventListener("load", () => {
    bar.value = 100;
    state.textContent = list.dataset.checking;
  });
  request.addEventListener("loadend", () => {
    clearTimeout(silence);
    settle(entry, request);
  });
  request.send(body);
}

function settle(entry, request) {
  const failure = failureOf(request.status, request.getResponseHeader(OUTCOME_HEADER) !== null);
  if (failure) {
    fail(entry, failure);
  } else {
    entry.stage = "settled";
    entry.files = null;
    entry.refused = insert(entry.row, request.responseText);
  }
  advance();
}

function fail(entry, failure) {
  entry.stage = "failed";
  const key = `failed${failure[0].toUpperCase()}${failure.slice(1)}`;
  part(entry.row, "progress").hidden = true;
  part(entry.row, "state").textContent = list.dataset[key];
  part(entry.row, "sign-in").hidden = failure !== "session" && failure !== "forbidden";
  part(entry.row, "more").hidden = false;
}

/* Puts the finished rows in, and returns how many files they tell to be refused. */
function insert(row, markup) {
  const parsed = new DOMParser().parseFromString(markup, "text/html");
  const finished = [...parsed.querySelectorAll(".upload-row")];
  row.replaceWith(...finished);
  finished.forEach((each) => htmx.process(each));
  if (finished.some((each) => each.querySelector("input[name='c']"))) watch();
  return finished.filter((each) => each.dataset.outcome === "refused").length;
}

// The server stops it once no row is being analysed.
function watch() {
  const live = document.getElementById("live");
  if (live.hasAttribute("hx-get")) return;
  const active = document.getElementById("live-active").content.firstElementChild.cloneNode(true);
  live.replaceWith(active);
  htmx.process(active);
}

function askForFewer({ detail }) {
  const codes = firstCodes(detail.formData.getAll("c"));
  detail.formData.delete("c");
  for (const code of codes) detail.formData.append("c", code);
}

function listen() {
  document.body.addEventListener("htmx:configRequest", askForFewer);
  picker.addEventListener("change", () => {
    take([...picker.files]);
    picker.value = "";
  });
  form.elements.cohort.addEventListener("change", () => take([]));
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const kind of ["dragover", "drop"]) {
    // Anywhere on the page: a file that misses the zone must not replace the page.
    document.addEventListener(kind, (event) => event.preventDefault());
  }
  zone.addEventListener("dragover", () => zone.setAttribute("data-over", ""));
  zone.addEventListener("dragleave", () => zone.removeAttribute("data-over"));
  zone.addEventListener("drop", (event) => {
    zone.removeAttribute("data-over");
    filesOf(event.dataTransfer).then(take);
  });
  window.addEventListener("beforeunload", (event) => {
    const isUnderWay = entries.some(({ stage }) => stage === "sending" || stage === "waiting");
    if (isUnderWay || held.length > 0) event.preventDefault();
  });
  showScripted(document);
}

listen();
