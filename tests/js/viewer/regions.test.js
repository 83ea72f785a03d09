import assert from "node:assert/strict";
import { test } from "node:test";

import { boxed, centred, maskOf, pathOf, runsOf, shareOf, shifted, stroke } from "../../../static/js/viewer/regions.js";

const size = { width: 300, height: 500 };

test("a box is the same from any corner, and ends at the picture's edge", () => {
  const wanted = { image: 0, kind: "rectangle", x0: 0, y0: 40, x1: 96.25, y1: 500 };
  assert.deepEqual(boxed("rectangle", 0, { x: 96.254, y: 900 }, { x: -8, y: 40 }, size), wanted);
});

test("what is under a pixel is no region", () => {
  assert.equal(boxed("ellipse", 0, { x: 10, y: 10 }, { x: 10.5, y: 60 }, size), null);
});

test("a box is moved up to the edge, keeping its size", () => {
  const region = centred("rectangle", 2, size);
  assert.deepEqual(region, { image: 2, kind: "rectangle", x0: 112.5, y0: 187.5, x1: 187.5, y1: 312.5 });
  const moved = shifted(region, 10_000, -3, size);
  assert.deepEqual(moved, { ...region, x0: 225, x1: 300, y0: 184.5, y1: 309.5 });
});

test("a box that is resized keeps its upper left corner, and never becomes nothing", () => {
  const region = centred("ellipse", 0, size);
  assert.deepEqual(shifted(region, 5, 10, size, true), { ...region, x1: 192.5, y1: 322.5 });
  assert.deepEqual(shifted(region, -75, 0, size, true), region);
});

test("a stroke is painted, stored as runs within rows, and read again", () => {
  const small = { width: 10, height: 6 };
  const mask = maskOf(null, small);
  stroke(mask, small, { x: 2.5, y: 2.5 }, { x: 7.5, y: 2.5 }, 0.6);
  assert.deepEqual(runsOf(mask, 10), [[22, 6]]);
  stroke(mask, small, { x: 4.5, y: 2.5 }, { x: 4.5, y: 2.5 }, 0.6, 0);
  assert.deepEqual(runsOf(mask, 10), [[22, 2], [25, 3]]);
  assert.deepEqual(maskOf({ runs: [[22, 2], [25, 3]] }, small), mask);
});

test("a row's last pixel and the next row's first are two runs", () => {
  const mask = new Uint8Array(20);
  mask.fill(1, 8, 12);
  assert.deepEqual(runsOf(mask, 10), [[8, 2], [10, 2]]);
});

test("a stroke beyond the edge paints what lies on the picture", () => {
  const small = { width: 4, height: 4 };
  const mask = maskOf(null, small);
  stroke(mask, small, { x: -2, y: -2 }, { x: 6, y: 6 }, 3);
  assert.equal(mask.length, 16);
  assert.deepEqual(runsOf(mask, 4).reduce((sum, [, length]) => sum + length, 0), 16);
});

test("paths and shares are those of inference/regions.py", () => {
  const box = { image: 0, x0: 10, y0: 20, x1: 40, y1: 60 };
  assert.equal(pathOf({ ...box, kind: "rectangle" }, 300), "M10 20H40V60H10Z");
  assert.equal(pathOf({ ...box, kind: "ellipse" }, 300), "M10 40a15 20 0 0 1 30 0a15 20 0 0 1 -30 0Z");
  assert.equal(pathOf({ kind: "brush", runs: [[302, 3]] }, 300), "M2 1h3v1h-3z");
  assert.equal(shareOf({ ...box, kind: "rectangle" }, size), 1200 / 150_000);
  assert.equal(shareOf({ ...box, kind: "ellipse" }, size), (1200 * Math.PI) / 4 / 150_000);
  assert.equal(shareOf({ kind: "brush", runs: [[302, 3]] }, size), 3 / 150_000);
});
