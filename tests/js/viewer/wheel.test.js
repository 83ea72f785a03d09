import assert from "node:assert/strict";
import { test } from "node:test";

import { growthOf, pictureSteps } from "../../../static/js/viewer/wheel.js";

test("a notch is one step, in pixels and in lines, and sideways is none", () => {
  assert.equal(growthOf({ deltaY: -100 }, 1.15), 1.15);
  assert.equal(growthOf({ deltaY: -3, deltaMode: 1 }, 1.15), 1.15);
  assert.equal(growthOf({ deltaY: -1, deltaMode: 2 }, 1.15), 1.15);
  assert.equal(growthOf({ deltaY: 120 }, 1.15), 1 / 1.15);
  assert.equal(growthOf({ deltaX: 80, deltaY: 0 }, 1.15), 1);
});

test("a trackpad enlarges little by little, and fingers that spread by more", () => {
  const little = growthOf({ deltaY: -4 }, 1.15);
  const spread = growthOf({ deltaY: -4, ctrlKey: true }, 1.15);
  assert.ok(little > 1 && little < spread && spread < 1.15);
});

test("a notch turns one picture, a trackpad one for each forty pixels, and a turn back begins anew", () => {
  const steps = pictureSteps();
  assert.deepEqual([100, 53, -100].map((deltaY) => steps({ deltaY })), [1, 1, -1]);
  assert.deepEqual(Array(10).fill(8).map((deltaY) => steps({ deltaY })), [0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  assert.deepEqual([30, -30, -9, -1].map((deltaY) => steps({ deltaY })), [0, 0, 0, -1]);
  assert.equal(steps({ deltaX: 90, deltaY: 0 }), 0);
});
