import assert from "node:assert/strict";
import { test } from "node:test";

import { boxesIn, linesOf, outwards } from "../../../static/js/intake/boxes.js";

test("lines of numbers are boxes, and back", () => {
  const text = "0 0 120 24\n3, 5; 20 11";
  const boxes = boxesIn(text);
  assert.deepEqual(boxes, [
    { x0: 0, y0: 0, x1: 120, y1: 24 },
    { x0: 3, y0: 5, x1: 20, y1: 11 },
  ]);
  assert.equal(linesOf(boxes), "0 0 120 24\n3 5 20 11");
});

test("what is no box yet is left to the server", () => {
  assert.deepEqual(boxesIn("1 2 3\n\n9 2 9 4\n-1 0 4 4\nx"), []);
});

test("a box covers every pixel that it touches", () => {
  assert.deepEqual(outwards({ x0: 3.2, y0: 5, x1: 19.01, y1: 10.5 }), { x0: 3, y0: 5, x1: 20, y1: 11 });
});
