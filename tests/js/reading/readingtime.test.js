import assert from "node:assert/strict";
import { test } from "node:test";

import { IDLE_SECONDS, readingTime } from "../../../static/js/reading/readingtime.js";

test("time runs while the reader is active", () => {
  const clock = readingTime(0);
  clock.active(5_000);
  assert.equal(clock.seconds(8_000), 8);
});

test("a pause counts no longer than the idle time", () => {
  const clock = readingTime(0);
  clock.active(3_600_000);
  assert.equal(clock.seconds(3_600_000), IDLE_SECONDS);
  assert.equal(clock.seconds(3_600_000 + 3_600_000), 2 * IDLE_SECONDS);
});

test("a page out of sight counts nothing", () => {
  const clock = readingTime(0);
  clock.sight(4_000, false);
  clock.sight(50_000, true);
  assert.equal(clock.seconds(51_500), 5.5);
});

test("what the draft had counted goes on", () => {
  assert.equal(readingTime(1_000, 12.3).seconds(2_000), 13.3);
});
