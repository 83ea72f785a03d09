import assert from "node:assert/strict";
import { test } from "node:test";

import { fingerprintOf, inOneOrder, isPassing, sendInPieces, sentenceOf, statusOf } from "../../../static/js/intake/resumed.js";

const file = (name, size = 1, lastModified = 7) => ({ name, size, lastModified });
const answer = (status, body = "") => ({ originalResponse: { getStatus: () => status, getBody: () => body } });

test("the same files are known again in whatever order they come, and others are not", async () => {
  const [a, b] = [file("a"), file("b")];
  const of = (files, ...purpose) => fingerprintOf(inOneOrder(files), ...purpose);
  const first = await of([a, b], "cohort");
  assert.match(first, /^[0-9a-f]{64}$/);
  assert.equal(await of([b, a], "cohort"), first);
  for (const other of [of([a, file("b", 2)], "cohort"), of([a, file("b", 1, 8)], "cohort"), of([a, b], "another")]) {
    assert.notEqual(await other, first);
  }
});

test("files of one name keep the order in which their folders stand", () => {
  const [first, second] = [file("IM1", 1), file("IM1", 2)];
  assert.deepEqual(inOneOrder([file("IM2"), first, second]), [first, second, file("IM2")]);
});

test("a broken line and a busy server pass by themselves; a refusal and a full disk do not", () => {
  assert.deepEqual([0, 409, 429, 460, 500, 503].map(isPassing), Array(6).fill(true));
  assert.deepEqual([400, 401, 403, 404, 413, 507].map(isPassing), Array(6).fill(false));
});

test("what the server says of an error is shown, and nothing where it says nothing", () => {
  assert.equal(sentenceOf(answer(507, '{"detail": "No room."}')), "No room.");
  assert.deepEqual([sentenceOf(answer(502, "<html>")), sentenceOf(new Error("broke"))], ["", ""]);
  assert.deepEqual([statusOf(answer(507)), statusOf(new Error("broke"))], [507, 0]);
});

/** What sendInPieces asks of tus-js-client. */
function standIn(made) {
  class Upload {
    constructor(data, options) {
      Object.assign(this, { data, options, url: "/made/" });
      made.push(this);
    }

    start() {
      this.starts = (this.starts ?? 0) + 1;
      if (this.starts === 1) this.options.onError(new Error("broke"));
      else this.options.onSuccess();
    }
  }
  return { Upload, DefaultHttpStack: class {} };
}

test("another try goes on with the same upload, and nothing is kept in the browser", async () => {
  const made = [];
  const tus = standIn(made);
  const parcel = { files: [new File(["x"], "a.zip")] };
  const how = { address: "/begin/", unfinished: "/former/", pieceBytes: 5, metadata: { cohort: "1" }, tus };
  await assert.rejects(sendInPieces(parcel, how), /broke/);
  assert.equal(await sendInPieces(parcel, how), "/made/");
  assert.equal(made.length, 1);
  const { options } = made[0];
  assert.deepEqual([options.uploadUrl, options.chunkSize, options.storeFingerprintForResuming], ["/former/", 5, false]);
  assert.deepEqual(options.metadata, { cohort: "1", filename: "a.zip" });
  assert.equal(await options.fingerprint(), null);
});

test("many files go as one, which has no name of its own", async () => {
  const made = [];
  const parcel = { files: [new File(["x"], "IM1"), new File(["y"], "IM2")] };
  await assert.rejects(sendInPieces(parcel, { metadata: {}, tus: standIn(made) }), /broke/);
  assert.equal(made[0].options.metadata.filename, "");
  assert.equal(made[0].data.size, 6 * 512);
});
