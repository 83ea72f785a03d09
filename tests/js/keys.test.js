import assert from "node:assert/strict";
import { test } from "node:test";

import { actOf, isTyping } from "../../static/js/keys.js";

const BODY = { tagName: "BODY" };

test("a and d answer the verdict, in either case of letters", () => {
  assert.deepEqual(actOf({ key: "a" }, BODY), { name: "verdict", value: "agree" });
  assert.deepEqual(actOf({ key: "D" }, BODY), { name: "verdict", value: "disagree" });
});

test("1 to 5 answer the confidence, other digits nothing", () => {
  assert.deepEqual(actOf({ key: "1" }, BODY), { name: "confidence", value: "1" });
  assert.deepEqual(actOf({ key: "5" }, BODY), { name: "confidence", value: "5" });
  assert.equal(actOf({ key: "0" }, BODY), null);
  assert.equal(actOf({ key: "6" }, BODY), null);
});

test("n goes to the next case, and a held key does not run through the worklist", () => {
  assert.deepEqual(actOf({ key: "n" }, BODY), { name: "next" });
  assert.equal(actOf({ key: "n", repeat: true }, BODY), null);
});

test("the browser's own shortcuts stay its own", () => {
  for (const held of ["ctrlKey", "altKey", "metaKey"]) assert.equal(actOf({ key: "d", [held]: true }, BODY), null);
});

test("names that every object has are no keys", () => {
  assert.equal(actOf({ key: "constructor" }, BODY), null);
  assert.equal(actOf({ key: "toString" }, BODY), null);
});

test("while typing, letters are letters", () => {
  const typing = [
    { tagName: "TEXTAREA" },
    { tagName: "SELECT" },
    { tagName: "INPUT", type: "text" },
    { tagName: "INPUT", type: "search" },
    { tagName: "DIV", isContentEditable: true },
  ];
  for (const target of typing) assert.equal(actOf({ key: "a" }, target), null);
});

test("on a radio button or a slider, letters are keys", () => {
  for (const type of ["radio", "range", "checkbox"]) assert.equal(isTyping({ tagName: "INPUT", type }), false);
});
