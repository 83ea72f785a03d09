import assert from "node:assert/strict";
import { test } from "node:test";

import { baseAddress, hasEvidence, mapAddress, overlayAddress, svgOpacity } from "../../static/js/viewerstate.js";

const places = {
  map: "/cases/K7QF-2M9D/maps/1/LAYER/CLASS.png",
  overlay: "/cases/K7QF-2M9D/overlay/1/LAYER/CLASS.png",
  evidence: { conv3: { glioma: true, pituitary: false } },
};
const choice = { layer: "conv3", shown: "glioma", colours: "viridis", opacity: "35" };

test("the map's address carries layer, class and colours", () => {
  assert.equal(mapAddress(places, choice), "/cases/K7QF-2M9D/maps/1/conv3/glioma.png?colours=viridis");
});

test("a name with a slash or a space stays one step of the address", () => {
  assert.equal(
    mapAddress(places, { ...choice, layer: "block 1/conv" }),
    "/cases/K7QF-2M9D/maps/1/block%201%2Fconv/glioma.png?colours=viridis",
  );
});

test("the overlay's address carries the opacity too", () => {
  assert.equal(
    overlayAddress(places, choice),
    "/cases/K7QF-2M9D/overlay/1/conv3/glioma.png?colours=viridis&opacity=35",
  );
});

test("another channel replaces the one before", () => {
  assert.equal(baseAddress("/cases/K7QF-2M9D/base.png?channel=grey", "red"), "/cases/K7QF-2M9D/base.png?channel=red");
});

test("opacity is a share, and never outside of 0 to 1", () => {
  assert.equal(svgOpacity("35"), "0.35");
  assert.equal(svgOpacity("-1"), "0");
  assert.equal(svgOpacity("250"), "1");
});

test("evidence is told by layer and class", () => {
  assert.equal(hasEvidence(places, choice), true);
  assert.equal(hasEvidence(places, { ...choice, shown: "pituitary" }), false);
});
