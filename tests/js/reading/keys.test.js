import assert from "node:assert/strict";
import { test } from "node:test";

import { actOf, chosenKey, isSending, keyMap, refusalOf } from "../../../static/js/reading/keys.js";

const BODY = { tagName: "BODY" };
// A few of cases/reading/keys.py, as the page hands them on.
const ACTS = [
  { id: "agree", key: "a", name: "verdict", value: "agree" },
  { id: "disagree", key: "d", name: "verdict", value: "disagree" },
  { id: "class-1", key: "q", name: "class", value: "0" },
  { id: "confidence-1", key: "1", name: "confidence", value: "1" },
  { id: "confidence-5", key: "5", name: "confidence", value: "5" },
  { id: "next", key: "n" },
  { id: "heat", key: "h", inViewer: true },
];
const idOf = (event, target = BODY, map = keyMap(ACTS)) => actOf(event, target, ACTS, map)?.id ?? null;

test("a and d answer the verdict, in either case of letters", () => {
  assert.equal(idOf({ key: "a" }), "agree");
  assert.equal(idOf({ key: "D" }), "disagree");
});

test("digits answer the confidence, other digits nothing", () => {
  assert.deepEqual(["1", "5", "8", "6"].map((key) => idOf({ key })), ["confidence-1", "confidence-5", null, null]);
});

test("an act comes with the answer that it chooses", () => {
  assert.equal(actOf({ key: "q" }, BODY, ACTS, keyMap(ACTS)), ACTS[2]);
});

test("n goes to the next case, and a held key does not run through the worklist", () => {
  assert.equal(idOf({ key: "n" }), "next");
  assert.equal(idOf({ key: "n", repeat: true }), null);
});

test("the browser's own shortcuts stay its own", () => {
  for (const held of ["ctrlKey", "altKey", "metaKey"]) assert.equal(idOf({ key: "d", [held]: true }), null);
});

test("names that every object has are no keys", () => {
  assert.equal(idOf({ key: "constructor" }), null);
  assert.equal(idOf({ key: "toString" }), null);
});

test("while typing, letters are letters", () => {
  const typing = [
    { tagName: "TEXTAREA" },
    { tagName: "SELECT" },
    { tagName: "INPUT", type: "text" },
    { tagName: "INPUT", type: "search" },
    { tagName: "DIV", isContentEditable: true },
  ];
  for (const target of typing) assert.equal(idOf({ key: "a" }, target), null);
});

test("a key that an input method takes means nothing else, on the page and in its fields", () => {
  for (const taken of [{ isComposing: true }, { keyCode: 229 }]) {
    assert.equal(idOf({ key: "a", ...taken }), null);
    assert.ok(!isSending({ key: "Enter", ctrlKey: true, ...taken }));
  }
});

test("a reader's own key takes the place of the first one", () => {
  const map = keyMap(ACTS, { agree: "J" });
  assert.equal(idOf({ key: "j" }, BODY, map), "agree");
  assert.equal(idOf({ key: "a" }, BODY, map), null);
});

test("stored keys that do not hold are left out", () => {
  for (const own of [{ agree: "d" }, { agree: "Tab" }, { agree: 7 }, { unknown: "j" }, null]) {
    assert.equal(keyMap(ACTS, own).get("agree"), "a");
  }
});

test("a key is refused with its reason", () => {
  const map = keyMap(ACTS);
  const refusals = ["d", "Enter", "Dead", "", "j", "F2", "a"].map((key) => refusalOf(key, "agree", map));
  assert.deepEqual(refusals, ["taken", "reserved", "reserved", "none", "", "", ""]);
});

test("Enter sends with Ctrl or Command held, and with nothing else", () => {
  assert.ok(isSending({ key: "Enter", ctrlKey: true }));
  assert.ok(isSending({ key: "Enter", metaKey: true }));
  assert.ok(!isSending({ key: "Enter" }));
  assert.ok(!isSending({ key: "s", ctrlKey: true }));
  assert.ok(!isSending({ key: "Enter", ctrlKey: true, altKey: true }));
  assert.ok(!isSending({ key: "Enter", ctrlKey: true, repeat: true }));
});

test("keys act on a French and on a Russian keyboard", () => {
  assert.equal(idOf({ key: "&", code: "Digit1" }), "confidence-1");
  assert.equal(idOf({ key: "(", code: "Digit5" }), "confidence-5");
  assert.equal(idOf({ key: "a", code: "KeyQ" }), "agree");
  assert.equal(idOf({ key: "q", code: "KeyA" }), "class-1");
  assert.equal(idOf({ key: "ф", code: "KeyA" }), "agree");
  assert.equal(idOf({ key: "т", code: "KeyN" }), "next");
});

test("a reader's own key may be a letter that is not Latin", () => {
  const map = keyMap(ACTS, { heat: "ё" });
  assert.equal(idOf({ key: "ё", code: "Backquote" }, BODY, map), "heat");
});

test("what is pressed in the list is kept as what it is found by", () => {
  const map = keyMap(ACTS);
  assert.deepEqual(chosenKey({ key: "_", code: "Digit8" }, "heat", map), { key: "8", why: "" });
  assert.deepEqual(chosenKey({ key: "&", code: "Digit1" }, "heat", map), { key: "1", why: "taken" });
  assert.deepEqual(chosenKey({ key: "о", code: "KeyJ" }, "heat", map), { key: "j", why: "" });
  assert.deepEqual(chosenKey({ key: "ф", code: "KeyA" }, "heat", map), { key: "a", why: "taken" });
});

test("a part of the page that opens, or a link, takes its keys itself", () => {
  assert.equal(idOf({ key: "a" }, { tagName: "SUMMARY" }), null);
  for (const tagName of ["A", "SUMMARY"]) assert.ok(!isSending({ key: "Enter", ctrlKey: true }, { tagName }));
  assert.ok(isSending({ key: "Enter", ctrlKey: true }, { tagName: "TEXTAREA" }));
});
