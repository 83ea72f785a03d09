import assert from "node:assert/strict";
import { test } from "node:test";

import { listen } from "../../static/js/asksagain.js";

function goesOut(part, hidden) {
  const page = Object.assign(new EventTarget(), { hidden });
  listen(page);
  const event = new Event("htmx:beforeRequest", { cancelable: true });
  Object.defineProperty(event, "target", { value: part });
  return page.dispatchEvent(event);
}

test("a part that asks by the clock asks only while somebody looks", () => {
  const part = { dataset: { asksAgain: "" } };
  assert.equal(goesOut(part, false), true);
  assert.equal(goesOut(part, true), false);
});

test("what somebody has clicked is sent, looked at or not", () => {
  assert.equal(goesOut({ dataset: {} }, true), true);
});
