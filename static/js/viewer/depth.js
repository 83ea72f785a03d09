/* The pictures with their full bit depth: NiiVue in each pane, over the server's drawing and in the same frame. */

import { bytesOf, taken } from "./ahead.js";
import { canvasesIn, closeAll, fill, putAside } from "./canvases.js";
import { panAndZoom } from "./viewport.js";

const fetched = async (address, signal) => (await taken(address)) ?? bytesOf(address, { signal });

/** 256 colours as "rrggbb" without a gap; as clear as there is little evidence, as on the server's overlay. */
function colourMap(table) {
  const steps = Array.from({ length: 256 }, (_, index) => index);
  const part = (from) => steps.map((index) => parseInt(table.slice(index * 6 + from, index * 6 + from + 2), 16));
  return { R: part(0), G: part(2), B: part(4), A: steps, I: steps };
}

function factsOf({ hdr, img, cal_min: low, cal_max: high }) {
  return { values: img, columns: hdr.dims[1], rows: hdr.dims[2], isColour: hdr.datatypeCode === 128, received: { low, high } };
}

/** Open a canvas in each stage, or take over those of the page before. Rejects where the browser cannot, or once `signal`
    aborts; `tables` are the heat map's colours by name. `lost` is called if the graphics card takes a canvas back, as it does
    when too many are open. */
export async function openDepth(address, stages, tables, lost, signal) {
  const { Niivue, NVImage } = await import(address).catch(() => import(`${address}?again=${Date.now()}`));
  const canvases = await canvasesIn(Niivue, stages, signal);
  const panes = canvases.map(({ pane }, index) => ({ pane, isHeat: stages[index].dataset.stage === "heat" }));
  for (const canvas of canvases) canvas.lost = lost;
  for (const [name, table] of Object.entries(tables)) panes[0].pane.addColormap(`secondread-${name}`, colourMap(table));
  const read = (buffer, colormap, opacity) => NVImage.loadFromUrl({ url: buffer, name: "slice.nii.gz", colormap, opacity });
  const each = (change) => {
    for (const { pane } of panes) change(pane);
  };
  const withMap = () => panes.filter(({ pane }) => pane.volumes.length > 1);
  let isHeld = false;
  let stale = null;

  /** Draw anew, or once `atOnce` ends: NiiVue waits for the graphics card with each drawing. */
  function redraw(what, some = panes) {
    if (isHeld) {
      if (stale !== "volumes") stale = what;
      return;
    }
    stale = null;
    for (const { pane } of some) {
      if (what === "volumes") pane.updateGLVolume();
      else pane.drawScene();
    }
  }

  return {
    /** A picture and a map, read but not in sight; those whose address is missing are left as they are. `base` is what the
        picture's values are. */
    async prepare({ base, map }, colours, signal) {
      const [baseBuffer, mapBuffer] = await Promise.all([base, map].map((address) => address && fetched(address, signal)));
      const volume = baseBuffer && (await read(baseBuffer, "gray", 1));
      const heat = mapBuffer && (await read(mapBuffer, `secondread-${colours}`, 1));
      // NiiVue draws an overlay's voxel whole or not at all, unless a volume, here itself, says how clear it is.
      if (heat) [heat.modulationImage, heat.modulateAlpha] = [1, 1];
      return { volume, heat, base: volume && factsOf(volume) };
    },

    /** Whatever `change` does, in one drawing. */
    atOnce(change) {
      isHeld = true;
      try {
        change();
      } finally {
        isHeld = false;
      }
      if (stale) redraw(stale);
    },

    /** Bring in sight what was prepared; without `hasHeat` no map is. */
    put({ volume, heat }, hasHeat, opacity) {
      for (const { pane, isHeat } of panes) {
        const [base, before] = pane.volumes;
        const over = hasHeat && isHeat ? (heat ?? before) : null;
        if (heat && over) over.opacity = opacity;
        fill(pane, over ? [volume ?? base, over] : [volume ?? base]);
      }
      for (const { frame } of canvases) delete frame.dataset.empty;
      redraw("volumes");
    },

    setColours(colours) {
      for (const { pane } of withMap()) pane.volumes[1].colormap = `secondread-${colours}`;
      redraw("volumes", withMap());
    },

    setOpacity(opacity) {
      for (const { pane } of withMap()) pane.volumes[1].opacity = opacity;
      redraw("volumes", withMap());
    },

    setWindow({ low, high }, isInverted) {
      each(({ volumes: [base] }) => {
        if (base) [base.cal_min, base.cal_max, base.colormapInvert] = [low, high, isInverted];
      });
      redraw("volumes");
    },

    setView(view) {
      const place = panAndZoom(view);
      if (panes.every(({ pane }) => place.every((value, index) => pane.scene.pan2Dxyzmm[index] === value))) return;
      each((pane) => {
        pane.scene.pan2Dxyzmm = place;
      });
      redraw("scene");
    },

    /** The server's drawing is in sight again; the canvases are kept for the next page. */
    putAside: () => putAside(canvases),

    /** The server's drawing is in sight again, and whatever was wrong with the canvases is gone. */
    close: () => closeAll(canvases),
  };
}
