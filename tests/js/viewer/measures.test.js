import assert from "node:assert/strict";
import { test } from "node:test";

import { areaOf, inWords, lengthOf, levelLine, movedLine, onto, pathOfLine } from "../../../static/js/viewer/measures.js";

const SIZE = { width: 200, height: 100 };
const line = (x0, y0, x1, y1) => ({ from: { x: x0, y: y0 }, to: { x: x1, y: y1 } });
const box = { kind: "rectangle", x0: 10, y0: 20, x1: 50, y1: 40 };

test("a length is in millimetres along rows and columns alike, in pixels where their size is unknown", () => {
  assert.deepEqual(lengthOf(line(0, 0, 30, 0), [2, 0.5]), { value: 15, isMm: true });
  assert.deepEqual(lengthOf(line(0, 0, 0, 30), [2, 0.5]), { value: 60, isMm: true });
  assert.deepEqual(lengthOf(line(10, 10, 4, 18), [1.5, 2]), { value: Math.hypot(12, 12), isMm: true });
  assert.deepEqual(lengthOf(line(1, 1, 4, 5), null), { value: 5, isMm: false });
});

test("an area is in square millimetres, of boxes, ellipses and strokes", () => {
  assert.ok(Math.abs(areaOf(box, SIZE, [2, 0.5]).value - 800) < 1e-9);
  assert.ok(Math.abs(areaOf({ ...box, kind: "ellipse" }, SIZE, [1, 1]).value - Math.PI * 200) < 1e-9);
  const stroke = { kind: "brush", runs: [[0, 7], [200, 3]] };
  assert.ok(Math.abs(areaOf(stroke, SIZE, [0.5, 0.5]).value - 2.5) < 1e-9);
  const unknown = areaOf(box, SIZE, null);
  assert.ok(Math.abs(unknown.value - 800) < 1e-9);
  assert.equal(unknown.isMm, false);
});

test("the number is written as the language does", () => {
  const words = { mm: "{n} mm", px: "{n} px" };
  assert.equal(inWords({ value: 1234.56, isMm: true }, words, "de"), "1.234,6 mm");
  assert.equal(inWords({ value: 12, isMm: true }, words, "en"), "12.0 mm");
  assert.equal(inWords({ value: 41.4, isMm: false }, words, "en"), "41 px");
});

test("a line is placed in the middle, moved whole and turned by its end, and stays on the picture", () => {
  assert.deepEqual(levelLine(SIZE), line(75, 50, 125, 50));
  assert.deepEqual(movedLine(line(75, 50, 125, 50), -80, 10, SIZE), line(0, 60, 50, 60));
  assert.deepEqual(movedLine(line(75, 50, 125, 50), 90, -70, SIZE, true), line(75, 50, 200, 0));
  assert.deepEqual(onto({ x: -3, y: 120 }, SIZE), { x: 0, y: 100 });
});

test("a line has a stroke across each end, and none falls over a line without a length", () => {
  assert.equal(pathOfLine(line(0, 10, 20, 10), 2), "M0 10L20 10M0 8L0 12M20 8L20 12");
  assert.ok(!pathOfLine(line(5, 5, 5, 5), 2).includes("NaN"));
});
