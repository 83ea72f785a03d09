import assert from "node:assert/strict";
import { test } from "node:test";

import { tarOf } from "../../../static/js/intake/tar.js";

const words = new TextDecoder();
const bytesOf = async (files) => new Uint8Array(await tarOf(files).arrayBuffer());
const text = (bytes, at, length) => words.decode(bytes.subarray(at, at + length)).replace(/\0.*$/s, "");

test("an entry is a head that adds up, the content, and room to the next block", async () => {
  const bytes = await bytesOf([new File(["content"], "IM1"), new File([""], "empty")]);
  assert.equal(bytes.length, 512 * 5);
  assert.deepEqual(["IM1", "00000000007", "0", "ustar"], [
    text(bytes, 0, 100),
    text(bytes, 124, 12),
    text(bytes, 156, 1),
    text(bytes, 257, 6),
  ]);
  assert.equal(text(bytes, 512, 7), "content");
  assert.equal(text(bytes, 1024, 100), "empty");
  const head = bytes.slice(0, 512);
  const told = Number.parseInt(text(head, 148, 6), 8);
  head.fill(32, 148, 156);
  assert.equal(head.reduce((sum, each) => sum + each, 0), told);
  assert.ok(bytes.subarray(1536).every((each) => each === 0));
});

test("a long name, of letters of two bytes, stands in an entry of its own", async () => {
  const name = "ä".repeat(80);
  const bytes = await bytesOf([new File(["x"], name)]);
  assert.equal(text(bytes, 0, 100), "././@LongLink");
  assert.equal(text(bytes, 156, 1), "L");
  assert.equal(text(bytes, 512, 512), name);
  assert.equal(text(bytes, 1024 + 156, 1), "0");
  assert.equal(text(bytes, 1536, 1), "x");
});
