import assert from "node:assert/strict";
import { test } from "node:test";

import { isComposed, isTyping, keepsKeys, keysOf, leavesWords } from "../../static/js/typing.js";

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

test("a part of the page that opens keeps its keys, as a field of words does", () => {
  assert.deepEqual([{ tagName: "SUMMARY" }, { tagName: "TEXTAREA" }, { tagName: "A" }].map(keepsKeys), [true, true, false]);
});

test("the row of the digits counts by its place, pressed without shift", () => {
  assert.deepEqual(keysOf({ key: "1", code: "Digit1" }), ["1"]);
  assert.deepEqual(keysOf({ key: "&", code: "Digit1" }), ["1", "&"]); // French
  assert.deepEqual(keysOf({ key: "+", code: "Digit1" }), ["1", "+"]); // Czech
  assert.deepEqual(keysOf({ key: "!", code: "Digit1", shiftKey: true }), ["!"]);
  assert.deepEqual(keysOf({ key: "1", code: "Digit1", shiftKey: true }), ["1"]); // French
  assert.deepEqual(keysOf({ key: "1", code: "Numpad1" }), ["1"]);
});

test("Latin letters count by what is printed, others by their place", () => {
  assert.deepEqual(keysOf({ key: "a", code: "KeyQ" }), ["a"]); // French
  assert.deepEqual(keysOf({ key: "Z", code: "KeyY" }), ["z"]); // German
  assert.deepEqual(keysOf({ key: "ö", code: "Semicolon" }), ["ö"]);
  assert.deepEqual(keysOf({ key: "Ф", code: "KeyA" }), ["a", "ф"]); // Russian
  assert.deepEqual(keysOf({ key: "ς", code: "KeyW" }), ["w", "ς"]); // Greek
  assert.deepEqual(keysOf({ key: "ю", code: "Period" }), [".", "ю"]);
  assert.deepEqual(keysOf({ key: ",", code: "KeyM" }), [","]); // French
});

test("what a browser sends as it fills a form in is no key", () => {
  assert.deepEqual(keysOf({}), [""]);
});
