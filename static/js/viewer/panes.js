/* The panes: the server's drawing, and NiiVue over it where the browser can; one view and one window for all of them.

   Picture, map, frame, number and values change in one step, once all that belongs to them is there (`show`). Until then the
   panes go on with what they show, and `isLoading` says that nothing may be marked. */

import { addressesOf } from "./addresses.js";
import { canShowDepth } from "./canvases.js";
import { openDepth } from "./depth.js";
import { openDrawing } from "./drawing.js";
import { newest } from "./loading.js";
import { painted } from "./painted.js";
import { scaleIn, viewBox, whole } from "./viewport.js";
import { centreOf, measured, widthOf } from "./windowing.js";

// Milliseconds after which a picture is given up.
const PATIENCE = 20_000;

/** `choice()` is what the controls say; `told` hears of `loading` (the place of a picture that is on its way), `failed` (of one
    that did not come), `shown` (a picture is in sight), `looked` (closer, or elsewhere), `depth` (whether a window can be set) and
    `window`. */
export function openPanes({ viewer, data, choice, heatOpacity, told }) {
  const stages = [...viewer.querySelectorAll("[data-stage]")];
  const hasHeatPane = stages.some((stage) => stage.dataset.stage === "heat");
  const drawing = openDrawing(viewer);
  const fault = viewer.querySelector('[data-part="fault"]');
  const loads = newest(PATIENCE);
  let at = data.at;
  let wanted = { at, chosen: null };
  let isLoading = false;
  let drawn = {};
  let view = whole(data.images[at].width, data.images[at].height);
  let depth = null;
  let deep = {};
  let picture = null;
  let preset = "received";
  let shown = null;
  let isInverted = false;
  const closing = new AbortController();

  const image = () => data.images[at];
  const hasWindow = () => depth !== null && picture !== null && !picture.isColour;
  /** The place that was asked for last, or of what is in sight. */
  const heading = () => (isLoading ? wanted.at : at);
  const hasHeat = () => image().heat !== null && hasHeatPane;

  function look(next) {
    view = next;
    for (const sheet of viewer.querySelectorAll("[data-view]")) sheet.setAttribute("viewBox", viewBox(view));
    for (const stage of stages) stage.toggleAttribute("data-closer", view.zoom > 1);
    sayZoom();
    depth?.setView(view);
    told.looked();
  }

  function sayZoom() {
    viewer.querySelector('[data-readout="zoom"]').textContent =
      `${Math.round(scaleIn(stages[0].getBoundingClientRect(), view) * 100)} %`;
  }

  function showWindow(window, name = "own") {
    [shown, preset] = [window, name];
    depth.setWindow(window, isInverted);
    told.window({ preset, centre: centreOf(window), width: widthOf(window) });
  }

  /** A window by its name; as received where this picture's file has no such one. */
  function choosePreset(name) {
    if (name === "own") showWindow(shown, name);
    else if (picture.presets[name]) showWindow(picture.presets[name], name);
    else showWindow(picture.received, "received");
  }

  /** What is not in sight yet of these addresses; the depth is null where the browser or the line does not give it. */
  async function load({ windows }, addresses, chosen, signal) {
    const missing = (name, now) => (addresses[name] === now[name] ? null : addresses[name]);
    const layer = depth;
    const isFirst = drawn.base === undefined;
    // At first a canvas shows the map, sooner than the server draws it (`complete`).
    const toDraw = layer && isFirst ? { ...addresses, map: undefined } : addresses;
    const pictures = drawing.prepare({ base: missing("base", drawn), map: toDraw.map && missing("map", drawn) }, signal, isFirst);
    const read = async () => {
      const found = await layer.prepare(
        addresses.volume === deep.volume ? { map: missing("mapVolume", deep) } : { base: addresses.volume, map: addresses.mapVolume },
        chosen.colours,
        signal,
        isFirst ? pictures.then(painted) : null,
      );
      return { ...found, picture: found.base ? measured(found.base, windows) : picture };
    };
    const [drawings, volumes] = await Promise.all([pictures, layer ? read().catch(() => null) : null]);
    return { drawings, volumes, layer, toDraw };
  }

  function putDepth(volumes, addresses, chosen) {
    if (!volumes) throw new Error("not loaded");
    depth.put(volumes, hasHeat(), heatOpacity());
    depth.setColours(chosen.colours);
    deep = addresses;
    picture = volumes.picture;
    told.depth(hasWindow());
    if (volumes.base && hasWindow()) choosePreset(preset);
    depth.setView(view);
    viewer.dataset.drawn = "depth";
  }

  function put(next, chosen, addresses, { drawings, volumes, layer, toDraw }) {
    const before = image();
    [at, isLoading] = [next, false];
    drawing.put(drawings, image(), hasHeat());
    drawn = toDraw;
    if (before.width !== image().width || before.height !== image().height) view = whole(image().width, image().height);
    if (depth && layer === depth) {
      try {
        depth.atOnce(() => putDepth(volumes, addresses, chosen));
      } catch {
        // What did not come, or what the graphics card does not take: the drawing serves.
        fail("failed");
      }
    }
    look(view);
    told.shown();
  }

  /** Show a picture of the case as `chosen` says, as soon as it is there. */
  async function show(next = heading(), chosen = choice()) {
    wanted = { at: next, chosen };
    const addresses = addressesOf(data.images[next], chosen, hasHeatPane);
    // Where the same drawing only gets its full depth, what is in sight holds, and may be marked.
    const isSame = next === at && addresses.base === drawn.base && [drawn.map, deep.map].includes(addresses.map);
    isLoading = !isSame;
    if (isLoading) told.loading(next);
    else told.shown();
    try {
      const found = await loads.run((signal) => load(data.images[next], addresses, chosen, signal));
      if (found) put(next, chosen, addresses, found);
    } catch {
      if (isSame) {
        fail("failed");
        return;
      }
      isLoading = drawn.base === undefined;
      if (isLoading) drawing.clear();
      told.failed(next);
    }
  }

  function fail(name) {
    depth?.close();
    [depth, deep, picture] = [null, {}, null];
    viewer.querySelector('[data-part="fault-words"]').textContent = viewer.dataset[name];
    // Nothing helps a browser that cannot.
    viewer.querySelector('[data-act="depth"]').hidden = name === "missing";
    fault.hidden = false;
    told.depth(false);
    complete();
  }

  /** Have the server's drawing of the map under the canvas: for print, and where there is no canvas any more. */
  async function complete() {
    const { map } = addressesOf(image(), choice(), hasHeatPane);
    if (isLoading || drawn.base === undefined || drawn.map === map) return;
    const found = await loads.run((signal) => drawing.prepare({ base: null, map }, signal)).catch(() => null);
    if (!found) return;
    drawing.put(found, image(), hasHeat());
    drawn.map = map;
  }

  // The panes grow and shrink with the window, and with what stands beside them.
  new ResizeObserver(sayZoom).observe(stages[0]);

  return {
    image,
    stages,
    look,
    show,
    hasWindow,
    hasHeat,
    showWindow,
    choosePreset,
    view: () => view,
    at: () => at,
    heading,
    /** The place and the choice that were asked for last, come or not. */
    wanted: () => wanted,
    isLoading: () => isLoading,
    isInverted: () => isInverted,
    picture: () => picture,
    window: () => shown,
    hasEvidence: () => drawing.hasEvidence(image()),
    setOpacity: (opacity) => depth?.setOpacity(opacity),

    /** Dark for bright, or back; whether it is so now. */
    invert(next = !isInverted) {
      isInverted = next && hasWindow();
      if (hasWindow()) depth.setWindow(shown, isInverted);
      return isInverted;
    },

    /** The value of the picture at a place, as it was stored; null where there is no single one. */
    valueAt({ x, y }) {
      if (!hasWindow()) return null;
      const column = Math.min(picture.columns - 1, Math.floor((x / view.width) * picture.columns));
      const row = Math.min(picture.rows - 1, Math.floor((y / view.height) * picture.rows));
      return picture.values[row * picture.columns + column];
    },

    async openDepth() {
      const { signal } = closing;
      if (signal.aborted) return;
      if (!canShowDepth()) {
        fail("missing");
        return;
      }
      fault.hidden = true;
      try {
        const opened = await openDepth(viewer.dataset.niivue, stages, data.colours, () => fail("failed"), signal);
        // Gone meanwhile, and the next page may have the canvases already.
        if (signal.aborted) return;
        depth = opened;
        depth.setView(view);
        await show();
      } catch {
        if (signal.aborted) return;
        fail("failed");
        if (drawn.base === undefined) await show();
      }
    },

    complete,

    /** Their page goes: nothing comes any more, and the canvases wait for the next one. */
    close() {
      closing.abort();
      loads.stop();
      depth?.putAside();
      depth = null;
    },
  };
}
