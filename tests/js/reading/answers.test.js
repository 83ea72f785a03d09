import assert from "node:assert/strict";
import { test } from "node:test";

import { asSent, fateOf, leadingTo } from "../../../static/js/reading/answers.js";

const answer = (status, more = {}) => fateOf({ status, isAlike: false, isPost: false, isLed: false, ...more });

test("a page like the one in sight is swapped in, a refused form's too", () => {
  for (const status of [200, 409, 422]) assert.equal(answer(status, { isAlike: true, isPost: true }), "swap");
});

test("what was led elsewhere is opened there as a whole page", () => {
  assert.equal(answer(200), "go");
  assert.equal(answer(404, { isPost: true, isLed: true }), "go");
  assert.equal(answer(401), "go");
});

test("a refused form is sent as a whole page, which says why", () => {
  for (const status of [400, 401, 403, 404, 413]) assert.equal(answer(status, { isPost: true }), "send");
});

test("a portal that is broken or busy is not asked again, and the page stays", () => {
  for (const status of [429, 500, 502, 503, 507]) {
    assert.equal(answer(status), "stay");
    assert.equal(answer(status, { isPost: true }), "stay");
  }
});

test("where there is nothing to swap in, the address leads on without what is no field of the page", () => {
  assert.equal(answer(204, { isPost: true }), "lead");
  const fields = new URLSearchParams({ csrfmiddlewaretoken: "x", typed_by: "me", after: "K7QF-2M9D" });
  assert.equal(leadingTo("/cases/next/", fields), "/cases/next/?after=K7QF-2M9D");
  assert.equal(leadingTo("/cases/next-disputed/", new URLSearchParams()), "/cases/next-disputed/");
});

test("lines end as a browser sends them", () => {
  assert.equal(asSent([["comment", "one\ntwo\r\nthree"]]).get("comment"), "one\r\ntwo\r\nthree");
});
