/* Sends the chosen files one by one, a few at a time, or all in one request where they are the slices of one case,
   and shows what becomes of each; what a hospital has goes up in pieces (resumed.js) and is shown before anything becomes
   of it. The server answers with the row (cases/intake/views.py, incoming/views.py); without this module the form sends
   all of them at once and the server answers with a page of finished rows. */

import { cookie } from "../cookies.js";
import { showScripted } from "../scriptonly.js";
import { filesOf } from "./dropped.js";
import { fingerprintOf, inOneOrder, sendInPieces, sentenceOf, statusOf } from "./resumed.js";
import { insertRows, listenForRows } from "./rows.js";
import {
  failureOf,
  fill,
  goesInPieces,
  heldAndReady,
  inSlices,
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
  ["maxBytes", "maxRequestBytes", "maxImages", "maxPiecesBytes", "maxPiecesFiles", "pieceBytes"].map((name) => [name, Number(form.dataset[name])]),
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
  const [cohort, grouping, volume] = ["cohort", "grouping", "volume"].map((name) => form.elements[name].value);
  results.hidden = false;
  inSlices(parcelsOf(files, grouping), (parcel) => addOne(parcel, { cohort, grouping, volume }), advance);
}

function addOne(parcel, asked) {
  const { grouping } = asked;
  const row = rowTemplate.content.firstElementChild.cloneNode(true);
  const isOne = parcel.length === 1;
  const words = grouping === "one_case" ? list.dataset.oneCase : list.dataset.bySeries;
  part(row, "name").textContent = isOne ? parcel[0].name : fill(words, { n: parcel.length });
  part(row, "state").textContent = list.dataset.waiting;
  list.append(row);
  const entry = { files: parcel, count: parcel.length, row, stage: "waiting", ...asked };
  part(row, "again").addEventListener("click", () => again(entry));
  entries.push(entry);
  // The server refuses it as well, but only after all of it has come over the line.
  const refusal = refusalOf(parcel, limits, grouping);
  if (refusal) fail(entry, refusal);
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
  if (goesInPieces(entry.files, limits)) sendResumed(entry);
  else sendAtOnce(entry, bar, state);
}

/* What an earlier try of the same files has left, on this page or in a tab that was closed, is gone on with. */
async function sendResumed(entry) {
  entry.files = inOneOrder(entry.files);
  const { cohort, grouping, volume } = entry;
  try {
    const fingerprint = await fingerprintOf(entry.files, cohort, grouping, volume);
    const former = fingerprint && document.querySelector(`[data-incoming="receiving"][data-fingerprint="${fingerprint}"]`);
    former?.remove();
    const address = await sendInPieces(entry, {
      address: form.dataset.pieces,
      unfinished: former?.dataset.address,
      pieceBytes: limits.pieceBytes,
      metadata: { cohort, grouping, volume, fingerprint },
      onProgress: (sent, total) => showProgress(entry, percent(sent, total)),
    });
    const id = address.split("/").filter(Boolean).at(-1);
    const answer = await fetch(new URL(`${id}/`, form.action), { headers: { "X-Requested-With": "XMLHttpRequest" } });
    if (!answer.ok) throw new Error(answer.statusText);
    Object.assign(entry, { stage: "settled", files: null, upload: null });
    insertRows(entry.row, await answer.text());
  } catch (error) {
    fail(entry, failureOf(statusOf(error), false), sentenceOf(error));
  }
  advance();
}

function showProgress(entry, percent) {
  part(entry.row, "progress").value = percent;
  part(entry.row, "state").textContent = `${list.dataset.sending}: ${percent} %`;
}

function sendAtOnce(entry, bar, state) {
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
    entry.refused = insertRows(entry.row, request.responseText);
  }
  advance();
}

function fail(entry, failure, sentence = "") {
  entry.stage = "failed";
  entry.failure = failure;
  const key = `failed${failure[0].toUpperCase()}${failure.slice(1)}`;
  part(entry.row, "progress").hidden = true;
  part(entry.row, "state").textContent = sentence || list.dataset[key];
  part(entry.row, "sign-in").hidden = failure !== "session" && failure !== "forbidden";
  part(entry.row, "more").hidden = false;
}

function listen() {
  listenForRows();
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
  window.addEventListener("online", () => {
    for (const entry of entries) if (entry.stage === "failed" && entry.failure === "network") again(entry);
  });
  window.addEventListener("beforeunload", (event) => {
    const isUnderWay = entries.some(({ stage }) => stage === "sending" || stage === "waiting");
    if (isUnderWay || held.length > 0) event.preventDefault();
  });
  showScripted(document);
}

listen();
