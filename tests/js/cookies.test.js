import assert from "node:assert/strict";
import { test } from "node:test";

import { cookie } from "../../static/js/cookies.js";

test("a cookie is found by its whole name", () => {
  assert.equal(cookie("notcsrftoken=x; csrftoken=a%3Db; theme=dark", "csrftoken"), "a=b");
  assert.equal(cookie("", "csrftoken"), "");
});
