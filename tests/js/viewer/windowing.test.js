import assert from "node:assert/strict";
import { test } from "node:test";

import { centreOf, dragged, histogramOf, presetsOf, quantile, widthOf, windowOf } from "../../../static/js/viewer/windowing.js";

test("centre and width make the window, and the window makes them", () => {
  const window = windowOf(500, 200, 4096);
  assert.deepEqual(window, { low: 400, high: 600 });
  assert.deepEqual([centreOf(window), widthOf(window)], [500, 200]);
});

test("a width of nothing is refused, for nothing could be seen", () => {
  assert.equal(widthOf(windowOf(500, 0, 2560)), 10);
  assert.equal(widthOf(windowOf(500, -80, 2560)), 10);
});

test("to the right is wider, upwards is brighter", () => {
  const start = { low: 100, high: 300 };
  const wider = dragged(start, 50, 0, 1024);
  assert.deepEqual([centreOf(wider), widthOf(wider)], [200, 300]);
  const brighter = dragged(start, 0, -50, 1024);
  assert.deepEqual([centreOf(brighter), widthOf(brighter)], [100, 200]);
  // Of an inverted picture the greatest values are dark.
  const inverted = dragged(start, 0, -50, 1024, true);
  assert.deepEqual([centreOf(inverted), widthOf(inverted)], [300, 200]);
});

test("the histogram keeps the ends of 16 bits", () => {
  const histogram = histogramOf(Uint16Array.from([0, 65535, 65535, 32768]));
  assert.deepEqual([histogram.least, histogram.greatest], [0, 65535]);
  assert.equal(quantile(histogram, 0.25), 0);
  assert.equal(Math.round(quantile(histogram, 1)), 65535);
});

test("presets leave the dark ground out", () => {
  const values = Uint16Array.from([...Array(900).fill(0), ...Array.from({ length: 100 }, (_, index) => 1000 + index)]);
  const presets = presetsOf(histogramOf(values), { low: 5, high: 6 });
  assert.deepEqual(presets.received, { low: 5, high: 6 });
  assert.deepEqual(presets.full, { low: 0, high: 1099 });
  assert.ok(presets.tissue.low >= 1000, String(presets.tissue.low));
  assert.ok(presets.bright.low > presets.tissue.low && presets.dark.high < presets.tissue.high);
});

test("the other windows of a file stand behind the one received", () => {
  const presets = presetsOf(histogramOf(Uint16Array.from([0, 100])), { low: 1, high: 2 }, [[10, 20], [30, 40]]);
  assert.deepEqual(Object.keys(presets).slice(0, 3), ["received", "file-2", "file-3"]);
  assert.deepEqual(presets["file-3"], { low: 30, high: 40 });
});

test("a picture of one value has the window that the server shows", () => {
  const received = { low: 0, high: 255 };
  const presets = presetsOf(histogramOf(new Uint8Array(64)), received);
  assert.deepEqual([presets.full, presets.tissue], [received, received]);
});
