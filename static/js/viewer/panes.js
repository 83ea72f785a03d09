/* The panes: the server's drawing, and NiiVue over it where the browser can; one view and one window for all of them. */

import { baseAddress, mapVolumeAddress, volumeAddress } from "./addresses.js";
import { canShowDepth, openDepth } from "./depth.js";
import { scaleIn, viewBox, whole } from "./viewport.js";
import { centreOf, histogramOf, presetsOf, widthOf } from "./windowing.js";

async function load(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.arrayBuffer();
}

/** `choice()` is what the controls say; `told` hears of `depth` (whether a window can be set), `window`, `evidence`. */
export function openPanes({ viewer, data, choice, heatOpacity, told }) {
  const all = (selector) => [...viewer.querySelectorAll(selector)];
  const stages = all("[data-stage]");
  const turns = { base: 0, map: 0 };
  let at = data.at;
  let view = whole(data.images[at].width, data.images[at].height);
  let depth = null;
  let picture = null;
  let preset = "received";
  let shown = null;
  let isInverted = false;

  const image = () => data.images[at];
  const hasWindow = () => depth !== null && picture !== null && !picture.isColour;
  const hasHeat = () => image().heat !== null && stages.some((stage) => stage.dataset.stage === "heat");

  /** Change a picture once the new one is there, so that the reader never sees an empty frame. */
  async function swap(name, address) {
    const elements = all(`[data-part="${name}"]`);
    for (const element of elements) element.dataset.wanted = address;
    const ready = new Image();
    ready.src = address;
    await ready.decode().catch(() => {});
    for (const element of elements) if (element.dataset.wanted === address) element.setAttribute("href", address);
  }

  function look(next) {
    view = next;
    for (const drawing of all("[data-view]")) drawing.setAttribute("viewBox", viewBox(view));
    for (const stage of stages) stage.toggleAttribute("data-closer", view.zoom > 1);
    viewer.querySelector('[data-readout="zoom"]').textContent =
      `${Math.round(scaleIn(stages[0].getBoundingClientRect(), view) * 100)} %`;
    depth?.setView(view);
  }

  function showWindow(window, name = "own") {
    [shown, preset] = [window, name];
    depth.setWindow(window, isInverted);
    told.window({ preset, centre: centreOf(window), width: widthOf(window) });
  }

  async function loadBase() {
    turns.base += 1;
    const mine = turns.base;
    const buffer = await load(volumeAddress(image(), choice()));
    if (mine !== turns.base) return;
    picture = await depth.showBase(buffer);
    if (mine !== turns.base) return;
    const histogram = histogramOf(picture.values);
    picture.range = histogram.greatest - histogram.least || 1;
    picture.presets = presetsOf(histogram, picture.received);
    told.depth(hasWindow());
    if (hasWindow()) showWindow(preset === "own" ? shown : picture.presets[preset], preset);
    depth.setView(view);
    await loadMap();
    viewer.dataset.drawn = "depth";
  }

  async function loadMap() {
    turns.map += 1;
    const mine = turns.map;
    if (!hasHeat()) {
      await depth.showMap(null);
      return;
    }
    const buffer = await load(mapVolumeAddress(image(), choice()));
    if (mine !== turns.map) return;
    told.evidence(await depth.showMap(buffer, choice().colours, heatOpacity()));
  }

  function fail(name) {
    depth?.close();
    depth = null;
    const said = viewer.querySelector('[data-part="fault"]');
    [said.textContent, said.hidden] = [viewer.dataset[name], false];
    told.depth(false);
  }

  const guarded = (work) => depth && work().catch(() => fail("failed"));

  return {
    image,
    stages,
    look,
    swap,
    hasWindow,
    hasHeat,
    showWindow,
    view: () => view,
    at: () => at,
    picture: () => picture,
    window: () => shown,
    loadMap: () => guarded(loadMap),
    setColours: (colours) => depth?.setColours(colours),
    setOpacity: (opacity) => depth?.setOpacity(opacity),

    loadBase() {
      swap("base", baseAddress(image(), choice()));
      guarded(loadBase);
    },

    /** Dark for bright, or back; whether it is so now. */
    invert(wanted = !isInverted) {
      isInverted = wanted && hasWindow();
      if (hasWindow()) depth.setWindow(shown, isInverted);
      return isInverted;
    },

    /** Another picture of the case. */
    turnTo(next) {
      const before = image();
      at = next;
      if (before.width !== image().width || before.height !== image().height) view = whole(image().width, image().height);
      look(view);
    },

    /** The value of the picture at a place, as it was stored; null where there is no single one. */
    valueAt({ x, y }) {
      if (!hasWindow()) return null;
      const column = Math.min(picture.columns - 1, Math.floor((x / view.width) * picture.columns));
      const row = Math.min(picture.rows - 1, Math.floor((y / view.height) * picture.rows));
      return picture.values[row * picture.columns + column];
    },

    async openDepth() {
      if (!canShowDepth()) {
        fail("missing");
        return;
      }
      try {
        depth = await openDepth(viewer.dataset.niivue, stages, data.colours, () => fail("failed"));
        await loadBase();
      } catch {
        fail("failed");
      }
    },
  };
}
