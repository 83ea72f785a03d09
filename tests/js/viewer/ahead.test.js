import assert from "node:assert/strict";
import { test } from "node:test";

import { bytesOf, fetchAhead, taken } from "../../../static/js/viewer/ahead.js";

const bytes = (text) => new TextEncoder().encode(text).buffer;

/** A server that answers with the address itself, and counts. */
function server(status = 200) {
  const asked = [];
  const get = async (address) => {
    asked.push(address);
    if (status === 0) throw new TypeError("no line");
    return { ok: status === 200, status, arrayBuffer: async () => bytes(address) };
  };
  return { asked, get };
}

test("what was fetched ahead is taken once", async () => {
  const { asked, get } = server();
  fetchAhead("/a", { get });
  fetchAhead("/a", { get });
  assert.deepEqual(asked, ["/a"]);
  assert.deepEqual(await taken("/a"), bytes("/a"));
  assert.equal(await taken("/a"), null);
});

test("a later address takes the place of an earlier one", async () => {
  const { get } = server();
  fetchAhead("/a", { get });
  fetchAhead("/b", { get });
  assert.equal(await taken("/a"), null);
  assert.deepEqual(await taken("/b"), bytes("/b"));
});

for (const status of [0, 404]) {
  test(`what did not come (${status}) is nothing, and is asked for again`, async () => {
    const { asked, get } = server(status);
    fetchAhead("/a", { get });
    assert.equal(await taken("/a"), null);
    fetchAhead("/a", { get });
    await new Promise((done) => setTimeout(done));
    fetchAhead("/a", { get });
    assert.equal(asked.length, 3);
    assert.equal(await taken("/a"), null);
  });
}

test("what is made of it ahead is what is taken", async () => {
  const { get } = server();
  fetchAhead("/a", { get, made: (found) => found.byteLength });
  assert.equal(await taken("/a"), 2);
});

test("what could not be made of it is nothing", async () => {
  const { get } = server();
  const made = () => {
    throw new Error("no picture");
  };
  fetchAhead("/a", { get, made });
  assert.equal(await taken("/a"), null);
});

test("an answer that is none rejects", async () => {
  await assert.rejects(bytesOf("/a", { get: server(403).get }), /status 403/);
});
