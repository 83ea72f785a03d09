/* The pictures with their full bit depth: NiiVue in each pane, over the server's drawing and in the same frame. */

import { bytesOf, fetchAhead, taken } from "./ahead.js";
import { canvasesIn, closeAll, fill, putAside } from "./canvases.js";
import { panAndZoom } from "./viewport.js";
import { histogramOf } from "./windowing.js";

// NiiVue's reader of volumes, once a page has opened it.
let NVImage = null;

const read = (buffer, colormap) => NVImage.loadFromUrl({ url: buffer, name: "slice.nii.gz", colormap, opacity: 1 });

function factsOf({ hdr, img, cal_min: low, cal_max: high }) {
  return {
    values: img,
    columns: hdr.dims[1],
    rows: hdr.dims[2],
    isColour: hdr.datatypeCode === 128,
    received: { low, high },
    histogram: histogramOf(img),
  };
}

/** A picture as NiiVue has it, and what its values are. */
async function pictureIn(buffer) {
  const volume = await read(buffer, "gray");
  volume.colormapInvert = false;
  return { volume, facts: factsOf(volume) };
}

/** Have the picture of the next page at hand, read as far as it can be. */
export function readAhead(address) {
  if (NVImage) fetchAhead(address, { made: pictureIn });
}

/** 256 colours as "rrggbb" without a gap; as clear as there is little evidence, as on the server's overlay. */
function colourMap(table) {
  const steps = Array.from({ length: 256 }, (_, index) => index);
  const part = (from) => steps.map((index) => parseInt(table.slice(index * 6 + from, index * 6 + from + 2), 16));
  return { R: part(0), G: part(2), B: part(4), A: steps, I: steps };
}

const isAlike = (one, other) => one.length === other?.length && one.every((value, index) => value === other[index]);

/** Open a canvas in each stage, or take over those of the page before. Rejects where the browser cannot, or once `signal`
    aborts; `tables` are the heat map's colours by name. `lost` is called if the graphics card takes a canvas back, as it does
    when too many are open. */
export async function openDepth(address, stages, tables, lost, signal) {
  const niivue = await import(address).catch(() => import(`${address}?again=${Date.now()}`));
  NVImage = niivue.NVImage;
  const canvases = await canvasesIn(niivue.Niivue, stages, signal);
  const panes = canvases.map(({ pane }, index) => ({ pane, isHeat: stages[index].dataset.stage === "heat" }));
  for (const canvas of canvases) canvas.lost = lost;
  for (const [name, table] of Object.entries(tables)) panes[0].pane.addColormap(`secondread-${name}`, colourMap(table));
  const each = (change) => {
    for (const { pane } of panes) change(pane);
  };
  const withMap = () => panes.filter(({ pane }) => pane.volumes.length > 1);
  let isHeld = false;
  let isOver = false;
  // What of each pane the graphics card has, and what is drawn of it.
  const laid = new Map();
  const drawn = new Map();

  /** Have the graphics card take picture and map, as far as they are other ones than it has. */
  function lay(pane) {
    const [base, over] = pane.volumes;
    const before = laid.get(pane);
    const picture = [base, base.cal_min, base.cal_max, base.colormapInvert];
    const map = over ? [over, over.opacity, over.colormap] : [];
    // A map that is gone is taken away with the picture under it.
    const isNew = !before || !isAlike(picture, before.picture) || map.length < before.map.length;
    if (isNew) pane.refreshLayers(base, 0);
    if (over && (isNew || !isAlike(map, before.map))) pane.refreshLayers(over, 1);
    laid.set(pane, { picture, map });
  }

  function draw(pane) {
    lay(pane);
    const { picture, map } = laid.get(pane);
    const now = [...picture, ...map, ...pane.scene.pan2Dxyzmm];
    if (!isAlike(now, drawn.get(pane))) pane.drawScene();
    drawn.set(pane, now);
  }

  /** Draw what has changed, or do so once `atOnce` ends: NiiVue itself lays and draws all of it after each change. */
  function redraw() {
    if (isHeld) return;
    for (const { pane } of panes) if (pane.volumes.length) draw(pane);
  }

  /** Let the graphics card have a picture that is not in sight yet. */
  function begin(volume) {
    for (const { pane, isHeat } of panes) {
      fill(pane, [volume]);
      (isHeat ? lay : draw)(pane);
    }
  }

  return {
    /** A picture and a map, read but not in sight; those whose address is missing are left as they are. `base` is what the
        picture's values are. Where nothing is in sight yet, the graphics card has the picture before the map is there; not
        before `painted` resolves, since what it does holds up what else is to be painted. */
    async prepare({ base, map }, colours, signal, painted) {
      const heatOf = async () => {
        const heat = await read(await bytesOf(map, { signal }), `secondread-${colours}`);
        // NiiVue draws an overlay's voxel whole or not at all, unless a volume, here itself, says how clear it is.
        [heat.modulationImage, heat.modulateAlpha] = [1, 1];
        return heat;
      };
      const baseOf = async () => {
        const found = (await taken(base)) ?? (await pictureIn(await bytesOf(base, { signal })));
        await painted;
        if (painted && !isOver && !signal.aborted) begin(found.volume);
        return found;
      };
      const [picture, heat] = await Promise.all([base ? baseOf() : null, map ? heatOf() : null]);
      return { volume: picture?.volume, heat, base: picture?.facts };
    },

    /** Whatever `change` does, in one drawing. */
    atOnce(change) {
      isHeld = true;
      try {
        change();
      } finally {
        isHeld = false;
      }
      redraw();
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
      redraw();
    },

    setColours(colours) {
      for (const { pane } of withMap()) pane.volumes[1].colormap = `secondread-${colours}`;
      redraw();
    },

    setOpacity(opacity) {
      for (const { pane } of withMap()) pane.volumes[1].opacity = opacity;
      redraw();
    },

    setWindow({ low, high }, isInverted) {
      each(({ volumes: [base] }) => {
        if (base) [base.cal_min, base.cal_max, base.colormapInvert] = [low, high, isInverted];
      });
      redraw();
    },

    setView(view) {
      const place = panAndZoom(view);
      each((pane) => {
        pane.scene.pan2Dxyzmm = place;
      });
      redraw();
    },

    /** The server's drawing is in sight again; the canvases are kept for the next page. */
    putAside() {
      isOver = true;
      putAside(canvases);
    },

    /** The server's drawing is in sight again, and whatever was wrong with the canvases is gone. */
    close() {
      isOver = true;
      closeAll(canvases);
    },
  };
}
