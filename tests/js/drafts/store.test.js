import assert from "node:assert/strict";
import { test } from "node:test";

import * as store from "../../../static/js/drafts/store.js";

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
    drafts: () => [...map.keys()].filter((name) => name.startsWith("secondread.draft.")),
  };
}

/** A browser in which this person has signed in. */
function browserOf(person, entries) {
  const browser = storage(entries);
  store.keepOnly(browser, person);
  return browser;
}

const entry = (fields, more = {}) => ({ fields, base: "", words: ["a"], ...more });

test("what was typed is there again for the same form, and for no other", () => {
  const browser = browserOf("me");
  store.keep(browser, "me", "review:A", entry("comment=a"));
  assert.equal(store.kept(browser, "me", "review:A").fields, "comment=a");
  for (const other of ["review:B", "first:A", "amend:A"]) assert.equal(store.kept(browser, "me", other), null);
});

test("a form that was stored is settled, and what another window has typed since is not", () => {
  const browser = browserOf("me");
  store.keep(browser, "me", "amend:A", entry("comment=a", { isSubmitted: true }));
  store.settle(browser, "me", "amend:A");
  assert.deepEqual(browser.drafts(), []);
  store.keep(browser, "me", "amend:A", entry("comment=b", { isSubmitted: false }));
  store.settle(browser, "me", "amend:A");
  assert.equal(store.kept(browser, "me", "amend:A").fields, "comment=b");
});

test("a form that was refused waits, also on the page that shows what stands instead", () => {
  const browser = browserOf("me");
  store.keep(browser, "me", "first:A", entry("comment=a", { isSubmitted: true }));
  store.reopen(browser, "me", "first:A");
  store.settle(browser, "me", "first:A");
  assert.equal(store.kept(browser, "me", "first:A").fields, "comment=a");
});

test("another person finds no draft, and the same person finds the own ones", () => {
  const browser = browserOf("you", { "secondread.keys": "{}" });
  store.keep(browser, "you", "first:A", entry("comment=b"));
  store.keepOnly(browser, "me");
  assert.deepEqual(browser.drafts(), []);
  store.keep(browser, "me", "first:A", entry("comment=a"));
  store.keepOnly(browser, "me");
  assert.equal(store.kept(browser, "me", "first:A").fields, "comment=a");
  store.keepOnly(browser, "");
  assert.deepEqual([browser.drafts(), browser.getItem("secondread.keys")], [[], "{}"]);
});

test("a page that was left open keeps nothing once its person has signed out or another one is in", () => {
  const browser = browserOf("me");
  for (const next of ["", "you"]) {
    store.keepOnly(browser, next);
    assert.equal(store.keep(browser, "me", "first:A", entry("comment=a")), false);
    assert.deepEqual(browser.drafts(), []);
  }
  store.keepOnly(browser, "me");
  assert.equal(store.keep(browser, "me", "first:A", entry("comment=a")), true);
});

test("words of a form that has become another one are put aside, and choices alone are not", () => {
  const browser = browserOf("me");
  store.putAside(browser, "me", "amend:A", entry("comment=a"), 7);
  store.putAside(browser, "me", "amend:B", entry("verdict=agree", { words: [] }), 8);
  assert.deepEqual(store.entriesOf(browser, "me").map(([key]) => key), ["amend:A#7"]);
  assert.ok(store.isAside("amend:A#7"));
});

test("an entry that nobody can read is dropped", () => {
  const browser = browserOf("me");
  for (const text of ["comment=a", "null", '{"fields": 7}', '{"fields": "a"}']) {
    browser.setItem("secondread.draft.me:first:A", text);
    assert.equal(store.kept(browser, "me", "first:A"), null);
    assert.deepEqual(browser.drafts(), []);
  }
});
