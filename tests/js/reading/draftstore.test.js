import assert from "node:assert/strict";
import { test } from "node:test";

import { keep, keepOnly, kept, settle } from "../../../static/js/reading/draftstore.js";

function storage(entries = {}) {
  const map = new Map(Object.entries(entries));
  return {
    get length() {
      return map.size;
    },
    key: (index) => [...map.keys()][index],
    getItem: (name) => map.get(name) ?? null,
    setItem: (name, value) => map.set(name, value),
    removeItem: (name) => map.delete(name),
    names: () => [...map.keys()],
  };
}

test("what was typed is there again for the same step of the reading", () => {
  const browser = storage();
  keep(browser, "me:K7QF-2M9D", "review", "comment=a");
  assert.equal(kept(browser, "me:K7QF-2M9D", "review"), "comment=a");
  assert.equal(kept(browser, "me:AAAA-BBBB", "review"), null);
});

test("a step that the server has gone past is forgotten, on a page that shows so and on no other", () => {
  const browser = storage();
  keep(browser, "me:A", "review", "comment=a");
  assert.equal(kept(browser, "me:A", "first"), null);
  assert.equal(kept(browser, "me:A", "review"), "comment=a");
  assert.equal(kept(browser, "me:A", "done"), null);
  assert.deepEqual(browser.names(), []);
});

test("an answer of the server settles what it answers, and nothing typed since", () => {
  const browser = storage();
  keep(browser, "me:A", "first", "comment=ab");
  settle(browser, "me:A", "comment=a");
  assert.equal(kept(browser, "me:A", "first"), "comment=ab");
  settle(browser, "me:A", "comment=ab");
  assert.deepEqual(browser.names(), []);
});

test("another person finds no draft, and the same person finds the own ones", () => {
  const browser = storage({ "secondread.keys": "{}" });
  keep(browser, "me:A", "first", "comment=a");
  keep(browser, "you:A", "first", "comment=b");
  keepOnly(browser, "me");
  assert.deepEqual(browser.names(), ["secondread.keys", "secondread.draft.me:A"]);
  keepOnly(browser, "");
  assert.deepEqual(browser.names(), ["secondread.keys"]);
});

test("an entry that nobody can read is dropped", () => {
  const browser = storage({ "secondread.draft.me:A": "comment=a" });
  assert.equal(kept(browser, "me:A", "first"), null);
  assert.deepEqual(browser.names(), []);
});
