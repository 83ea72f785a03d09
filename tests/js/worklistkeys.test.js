import assert from "node:assert/strict";
import { test } from "node:test";

import { stepped, worklistActOf } from "../../static/js/worklistkeys.js";

const BODY = { tagName: "BODY" };

test("j and k go through the rows, in either case of letters", () => {
  assert.equal(worklistActOf({ key: "j" }, BODY), "down");
  assert.equal(worklistActOf({ key: "K" }, BODY), "up");
});

test("the other keys start reading, search, tick and list the keys", () => {
  const acts = ["n", "/", "x", "?"].map((key) => worklistActOf({ key }, BODY));
  assert.deepEqual(acts, ["start", "search", "tick", "keys"]);
});

test("arrows belong to the page until a row has been gone to", () => {
  assert.equal(worklistActOf({ key: "ArrowDown" }, BODY), null);
  assert.equal(worklistActOf({ key: "ArrowDown" }, { tagName: "A" }, true), "down");
  assert.equal(worklistActOf({ key: "ArrowUp" }, { tagName: "A" }, true), "up");
});

test("letters in a field, and keys with a modifier, mean nothing", () => {
  assert.equal(worklistActOf({ key: "j" }, { tagName: "INPUT", type: "search" }), null);
  assert.equal(worklistActOf({ key: "x" }, { tagName: "SELECT" }), null);
  assert.equal(worklistActOf({ key: "n", ctrlKey: true }, BODY), null);
  assert.equal(worklistActOf({ key: "k", metaKey: true }, BODY), null);
});

test("a tick box is no field: its keys keep their meaning", () => {
  assert.equal(worklistActOf({ key: "x" }, { tagName: "INPUT", type: "checkbox" }), "tick");
});

test("steps begin at an end and stay within the rows", () => {
  assert.deepEqual(
    [stepped(-1, 3, "down"), stepped(-1, 3, "up"), stepped(2, 3, "down"), stepped(0, 3, "up"), stepped(1, 3, "down")],
    [0, 2, 2, 0, 2],
  );
  assert.equal(stepped(-1, 0, "down"), -1);
});
