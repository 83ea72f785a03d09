import assert from "node:assert/strict";
import { test } from "node:test";

import { stepped, worklistActOf } from "../../../static/js/worklist/keys.js";

const BODY = { tagName: "BODY" };
// A few of cases/worklist/keys.py, as the page hands them on.
const ACTS = [
  { id: "down", key: "j", arrow: "ArrowDown" },
  { id: "up", key: "k", arrow: "ArrowUp" },
  { id: "start", key: "n" },
  { id: "search", key: "/" },
  { id: "tick", key: "x" },
  { id: "keys", key: "?" },
];
const actOf = (event, target, inRow) => worklistActOf(event, target, ACTS, inRow);

test("j and k go through the rows, in either case of letters", () => {
  assert.equal(actOf({ key: "j" }, BODY), "down");
  assert.equal(actOf({ key: "K" }, BODY), "up");
});

test("the other keys start reading, search, tick and list the keys", () => {
  const acts = ["n", "/", "x", "?"].map((key) => actOf({ key }, BODY));
  assert.deepEqual(acts, ["start", "search", "tick", "keys"]);
});

test("a key that an input method takes means nothing else", () => {
  assert.deepEqual([actOf({ key: "n", isComposing: true }, BODY), actOf({ key: "j", keyCode: 229 }, BODY)], [null, null]);
});

test("arrows belong to the page until a row has been gone to", () => {
  assert.equal(actOf({ key: "ArrowDown" }, BODY), null);
  assert.equal(actOf({ key: "ArrowDown" }, { tagName: "A" }, true), "down");
  assert.equal(actOf({ key: "ArrowUp" }, { tagName: "A" }, true), "up");
});

test("letters in a field, and keys with a modifier, mean nothing", () => {
  assert.equal(actOf({ key: "j" }, { tagName: "INPUT", type: "search" }), null);
  assert.equal(actOf({ key: "x" }, { tagName: "SELECT" }), null);
  assert.equal(actOf({ key: "n", ctrlKey: true }, BODY), null);
  assert.equal(actOf({ key: "k", metaKey: true }, BODY), null);
});

test("a tick box is no field: its keys keep their meaning", () => {
  assert.equal(actOf({ key: "x" }, { tagName: "INPUT", type: "checkbox" }), "tick");
});

test("steps begin at an end and stay within the rows", () => {
  assert.deepEqual(
    [stepped(-1, 3, "down"), stepped(-1, 3, "up"), stepped(2, 3, "down"), stepped(0, 3, "up"), stepped(1, 3, "down")],
    [0, 2, 2, 0, 2],
  );
  assert.equal(stepped(-1, 0, "down"), -1);
});

test("on a Russian keyboard letters count by their place, and a part of the page that opens keeps its keys", () => {
  assert.equal(actOf({ key: "о", code: "KeyJ" }, BODY), "down");
  assert.equal(actOf({ key: "j" }, { tagName: "SUMMARY" }), null);
});
