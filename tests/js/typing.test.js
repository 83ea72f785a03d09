import assert from "node:assert/strict";
import { test } from "node:test";

import { isTyping } from "../../static/js/typing.js";

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
