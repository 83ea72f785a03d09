import assert from "node:assert/strict";
import { test } from "node:test";

import { MOST, isOn, moved, panAndZoom, pointAt, scaleIn, viewBox, whole, zoomed } from "../../../static/js/viewer/viewport.js";

const pane = { left: 100, top: 50, width: 600, height: 500 };

test("the whole picture just fits", () => {
  assert.equal(viewBox(whole(300, 500)), "0 0 300 500");
  assert.equal(scaleIn(pane, whole(300, 500)), 1);
  assert.deepEqual(panAndZoom(whole(300, 500)), [0, 0, 0, 1]);
});

test("the point under the pointer stays where it is on the screen", () => {
  const before = whole(300, 500);
  const spot = pointAt(pane, before, 400, 300);
  assert.deepEqual(spot, { x: 150, y: 250 });
  const off = pointAt(pane, before, 460, 240);
  const closer = zoomed(before, 2, off.x, off.y);
  assert.deepEqual(pointAt(pane, closer, 460, 240), off);
  assert.equal(scaleIn(pane, closer), 2);
});

test("no view reaches beyond the picture, nor closer than the closest", () => {
  assert.deepEqual(moved(whole(300, 500), 90, -40), whole(300, 500));
  assert.deepEqual(zoomed(whole(300, 500), 0.1), whole(300, 500));
  const close = zoomed(whole(300, 500), 1000);
  assert.equal(close.zoom, MOST);
  const corner = moved(zoomed(whole(300, 500), 4), 10_000, 10_000);
  assert.equal(viewBox(corner), "0 0 75 125");
});

test("moving follows the pointer", () => {
  const view = zoomed(whole(300, 500), 4);
  assert.equal(moved(view, 10, -20).x, view.x - 10);
  assert.equal(moved(view, 10, -20).y, view.y + 20);
});

test("NiiVue's space begins in the middle and counts upwards", () => {
  const view = { ...whole(300, 500), x: 200, y: 100, zoom: 3 };
  assert.deepEqual(panAndZoom(view), [-150, -450, 0, 3]);
});

test("the far edges are not on the picture any more", () => {
  const view = whole(300, 500);
  assert.equal(isOn(view, { x: 0, y: 499.9 }), true);
  assert.equal(isOn(view, { x: 300, y: 10 }), false);
  assert.equal(isOn(view, { x: -0.1, y: 10 }), false);
});
