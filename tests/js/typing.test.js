import assert from "node:assert/strict";
import { test } from "node:test";

import { isComposed, isTyping, leavesWords } from "../../static/js/typing.js";

test("letters are letters in a field of text, and where one chooses by typing", () => {
  const typing = [
    { tagName: "TEXTAREA" },
    { tagName: "SELECT" },
    { tagName: "INPUT", type: "text" },
    { tagName: "INPUT", type: "search" },
    { tagName: "DIV", isContentEditable: true },
  ];
  for (const target of typing) assert.equal(isTyping(target), true);
});

test("on a radio button or a slider, letters are keys", () => {
  for (const type of ["radio", "range", "checkbox"]) assert.equal(isTyping({ tagName: "INPUT", type }), false);
});

test("Escape leads out of a field of words, unless an input method takes it", () => {
  const words = { tagName: "TEXTAREA" };
  assert.equal(leavesWords({ key: "Escape" }, words), true);
  assert.equal(leavesWords({ key: "Escape" }, { tagName: "INPUT", type: "radio" }), false);
  assert.equal(leavesWords({ key: "Escape", isComposing: true }, words), false);
  assert.equal(leavesWords({ key: "Escape", keyCode: 229 }, words), false);
});

test("letters are an input method's while it composes, in every browser's way to say so", () => {
  assert.deepEqual([{ isComposing: true }, { keyCode: 229 }, { keyCode: 65 }, {}].map(isComposed), [true, true, false, false]);
});
