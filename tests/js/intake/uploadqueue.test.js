import assert from "node:assert/strict";
import { test } from "node:test";

import {
  failureOf,
  fill,
  firstCodes,
  goesInPieces,
  heldAndReady,
  inSlices,
  nextToStart,
  parcelsOf,
  percent,
  progressOf,
  refusalOf,
  summaryOf,
} from "../../../static/js/intake/uploadqueue.js";

const entries = (...stages) => stages.map((stage, id) => ({ id, stage }));
const ids = (found) => found.map((entry) => entry.id);

test("no more than three files are under way, and the first that waits comes first", () => {
  assert.deepEqual(ids(nextToStart(entries("waiting", "waiting", "waiting", "waiting"))), [0, 1, 2]);
  assert.deepEqual(ids(nextToStart(entries("settled", "sending", "failed", "sending", "waiting", "waiting"))), [4]);
  assert.deepEqual(nextToStart(entries("sending", "sending", "sending", "waiting")), []);
});

test("a failed file is not started again by itself", () => {
  assert.deepEqual(nextToStart(entries("failed", "settled")), []);
});

test("progress counts what the server has answered for", () => {
  assert.deepEqual(progressOf(entries("settled", "failed", "sending", "waiting")), { done: 1, total: 4, refused: 0 });
});

test("progress counts the files of a case, not the case", () => {
  const sent = [{ stage: "settled", count: 20 }, { stage: "waiting", count: 5 }, { stage: "failed", count: 1 }];
  assert.deepEqual(progressOf(sent), { done: 20, total: 26, refused: 0 });
});

test("progress tells how many of the files sent were refused", () => {
  const sent = [{ stage: "settled", refused: 1 }, { stage: "settled", count: 5, refused: 2 }, { stage: "settled" }];
  assert.deepEqual(progressOf(sent), { done: 7, total: 7, refused: 3 });
  assert.equal(summaryOf(progressOf(sent)), "summaryRefused");
  assert.equal(summaryOf({ refused: 0 }), "summary");
});

test("files picked before a cohort are kept, in their order, and go when it is chosen", () => {
  const first = heldAndReady([], ["a", "b"], "");
  assert.deepEqual(first, { held: ["a", "b"], ready: [] });
  const second = heldAndReady(first.held, ["c"], "");
  assert.deepEqual(second, { held: ["a", "b", "c"], ready: [] });
  assert.deepEqual(heldAndReady(second.held, [], "7"), { held: [], ready: ["a", "b", "c"] });
  assert.deepEqual(heldAndReady([], ["d"], "7"), { held: [], ready: ["d"] });
});

test("the slices of one case are sent at once, other files each alone", () => {
  const [a, b, c] = ["a.png", "b.png", "c.png"].map((name) => ({ name }));
  assert.deepEqual(parcelsOf([a, b, c], "one_case"), [[a, b, c]]);
  assert.deepEqual(parcelsOf([a, b], "separate"), [[a], [b]]);
  assert.deepEqual(parcelsOf([], "one_case"), []);
  assert.deepEqual(parcelsOf([], "separate"), []);
});

test("files that may be of one series go together, and all others alone", () => {
  const names = ["IM0001", "1.2.840.10008.17", "x.DCM", "y.ima", "brain.hdr", "brain.img"];
  const series = names.map((name) => ({ name }));
  const alone = ["a.png", "scan.zip", "v.nii.gz", "w.nii"].map((name) => ({ name }));
  assert.deepEqual(parcelsOf([alone[0], ...series, ...alone.slice(1)], "separate"), [series, ...alone.map((file) => [file])]);
});

test("what the server would refuse as a whole is not sent", () => {
  const limits = { maxBytes: 10, maxRequestBytes: 25, maxImages: 3, maxPiecesBytes: 25, maxPiecesFiles: 3 };
  const files = (...sizes) => sizes.map((size) => ({ name: "a.png", size }));
  assert.equal(refusalOf(files(11), limits), "size");
  assert.equal(refusalOf(files(10), limits), "");
  assert.equal(refusalOf(files(10, 10, 6), limits), "total");
  assert.equal(refusalOf(files(1, 1, 1, 1), limits), "many");
  assert.equal(refusalOf(files(11, 1), limits), "");
  assert.equal(refusalOf([{ name: "scan.zip", size: 25 }], limits), "");
  assert.equal(refusalOf([{ name: "scan.zip", size: 26 }], limits), "size");
});

test("percent is whole, and nothing while the length is not known", () => {
  assert.equal(percent(1, 3), 33);
  assert.equal(percent(10, 10), 100);
  assert.equal(percent(5, 0), 0);
});

test("an answer with a row is no failure, whatever its status", () => {
  for (const status of [200, 201, 422]) assert.equal(failureOf(status, true), "");
});

test("a full disk can be tried again, also where the answer has a row", () => {
  for (const isRow of [true, false]) assert.equal(failureOf(507, isRow), "full");
});

test("an answer without a row says why", () => {
  assert.equal(failureOf(0, false), "network");
  assert.equal(failureOf(401, false), "session");
  assert.equal(failureOf(403, false), "forbidden");
  assert.equal(failureOf(413, false), "size");
  assert.equal(failureOf(502, false), "server");
  assert.equal(failureOf(200, false), "server");
});

test("values are put into a sentence, unknown ones stay", () => {
  assert.equal(fill("{done} of {total} sent", { done: 0, total: 3 }), "0 of 3 sent");
  assert.equal(fill("{other}", { done: 1 }), "{other}");
});

test("no more codes are asked for than the server answers", () => {
  const codes = Array.from({ length: 250 }, (_, number) => `C${number}`);
  assert.equal(firstCodes(codes).length, 100);
  assert.equal(firstCodes(codes)[99], "C99");
  assert.deepEqual(firstCodes(["A"]), ["A"]);
});

test("what a hospital has goes in pieces, and what is large; a picture or a few do not", () => {
  const file = (name, size = 10) => ({ name, size });
  const inPieces = (...files) => goesInPieces(files, { maxBytes: 100 });
  for (const name of ["a.zip", "a.tar", "IM0001", "1.2.840.1", "a.dcm", "a.nii", "a.nii.gz"]) {
    assert.equal(inPieces(file(name)), true, name);
  }
  assert.equal(inPieces(file("a.png")), false);
  assert.equal(inPieces(file("a.png", 1000)), false);
  assert.equal(inPieces(file("a.png", 50), file("b.png", 50)), false);
  assert.equal(inPieces(file("a.png", 51), file("b.png", 50)), true);
});

test("a parcel in pieces may have more files and bytes than a form", () => {
  const limits = { maxBytes: 10, maxRequestBytes: 20, maxImages: 2, maxPiecesBytes: 100, maxPiecesFiles: 5 };
  const slices = (count, size) => Array.from({ length: count }, (_, at) => ({ name: `IM${at}`, size }));
  assert.equal(refusalOf(slices(5, 10), limits), "");
  assert.equal(refusalOf(slices(6, 1), limits), "files");
  assert.equal(refusalOf(slices(5, 30), limits), "total");
  assert.equal(refusalOf(slices(3, 1), limits, "one_case"), "many");
  assert.equal(refusalOf([{ name: "a.zip", size: 101 }], limits), "size");
  assert.equal(refusalOf([{ name: "a.nii", size: 11 }], limits), "size");
});

test("2,000 files at once are shown fifty at a time, with room for the page in between", () => {
  const later = [];
  const seen = [];
  let rounds = 0;
  const files = Array.from({ length: 2000 }, (_, at) => at);
  inSlices(files, (file) => seen.push(file), () => (rounds += 1), { next: (go) => later.push(go) });
  assert.equal(seen.length, 50);
  while (later.length > 0) {
    const before = seen.length;
    later.shift()();
    assert.ok(seen.length - before <= 50);
  }
  assert.deepEqual(seen, files);
  assert.equal(rounds, 40);
});

test("no file at all is no work but the one look at what there is", () => {
  const seen = [];
  inSlices([], (file) => seen.push(file), () => seen.push("then"), { next: () => assert.fail() });
  assert.deepEqual(seen, ["then"]);
});
