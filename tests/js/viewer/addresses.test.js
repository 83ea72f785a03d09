import assert from "node:assert/strict";
import { test } from "node:test";

import { addressesOf, baseAddress, mapAddress, mapVolumeAddress, overlayAddress, volumeAddress } from "../../../static/js/viewer/addresses.js";

const stem = "/cases/K7QF-2M9D";
const image = {
  base: `${stem}/base.png?image=3`,
  volume: `${stem}/base.nii.gz?image=3`,
  heat: {
    map: `${stem}/maps/1/LAYER/CLASS.png`,
    volume: `${stem}/maps/1/LAYER/CLASS.nii.gz`,
    overlay: `${stem}/overlay/1/LAYER/CLASS.png`,
  },
};
const choice = { layer: "conv3", shown: "glioma", colours: "viridis", opacity: "35", interpolation: "nearest" };

test("a picture's address carries its channel, grey where none is chosen", () => {
  assert.equal(baseAddress(image, choice), `${stem}/base.png?image=3&channel=grey`);
  assert.equal(volumeAddress(image, { channel: "red" }), `${stem}/base.nii.gz?image=3&channel=red`);
});

test("a map's address carries layer, class and how it is drawn", () => {
  assert.equal(mapAddress(image, choice), `${stem}/maps/1/conv3/glioma.png?colours=viridis&interpolation=nearest`);
  assert.equal(mapVolumeAddress(image, choice), `${stem}/maps/1/conv3/glioma.nii.gz?interpolation=nearest`);
  assert.equal(overlayAddress(image, choice), `${stem}/overlay/1/conv3/glioma.png?colours=viridis&opacity=35&interpolation=nearest`);
});

test("a name with a slash or a space stays one step of the address", () => {
  const address = mapAddress(image, { ...choice, layer: "block 1/conv" });
  assert.equal(address, `${stem}/maps/1/block%201%2Fconv/glioma.png?colours=viridis&interpolation=nearest`);
});

test("a picture without a map, or without a pane for it, has no address of a map", () => {
  const { map, mapVolume } = addressesOf({ ...image, heat: null }, choice, true);
  assert.deepEqual([map, mapVolume], [null, null]);
  assert.equal(addressesOf(image, choice, false).map, null);
  assert.equal(addressesOf(image, choice, true).map, mapAddress(image, choice));
});
