import assert from "node:assert/strict";
import { test } from "node:test";

import { eachPage, turnPage } from "../../static/js/page.js";

test("what a page began ends before the next is made, and each module opens that in their order", () => {
  const said = [];
  for (const name of ["drafts", "viewer"]) {
    eachPage((signal) => {
      said.push(`${name} opens`);
      signal.addEventListener("abort", () => said.push(`${name} ends`), { once: true });
    });
  }
  said.length = 0;
  turnPage(() => said.push("turned"));
  assert.deepEqual(said, ["drafts ends", "viewer ends", "turned", "drafts opens", "viewer opens"]);
});
