import assert from "node:assert/strict";
import { test } from "node:test";

import { ACTS, actOf, isSending, isTyping, keyMap, refusalOf } from "../../static/js/keys.js";

const BODY = { tagName: "BODY" };
const idOf = (event, target = BODY, map = undefined) => actOf(event, target, map)?.id ?? null;

test("a and d answer the verdict, in either case of letters", () => {
  assert.equal(idOf({ key: "a" }), "agree");
  assert.equal(idOf({ key: "D" }), "disagree");
});

test("1 to 5 answer the confidence, other digits nothing", () => {
  assert.deepEqual(["1", "5", "8", "6"].map((key) => idOf({ key })), ["confidence-1", "confidence-5", null, null]);
});

test("the row under the digits names the classes", () => {
  assert.deepEqual([..."qwerty"].map((key) => actOf({ key }, BODY).value), [0, 1, 2, 3, 4, 5]);
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

test("on a radio button or a slider, letters are keys", () => {
  for (const type of ["radio", "range", "checkbox"]) assert.equal(isTyping({ tagName: "INPUT", type }), false);
});

test("no two acts begin with the same key", () => {
  assert.equal(new Set(ACTS.map((act) => act.key)).size, ACTS.length);
});

test("a reader's own key takes the place of the first one", () => {
  const map = keyMap({ agree: "J" });
  assert.equal(idOf({ key: "j" }, BODY, map), "agree");
  assert.equal(idOf({ key: "a" }, BODY, map), null);
});

test("stored keys that do not hold are left out", () => {
  for (const own of [{ agree: "d" }, { agree: "Tab" }, { agree: 7 }, { unknown: "j" }, null]) {
    assert.equal(keyMap(own).get("agree"), "a");
  }
});

test("a key is refused with its reason", () => {
  const map = keyMap();
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
