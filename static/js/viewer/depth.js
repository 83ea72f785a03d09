/* The pictures with their full bit depth: NiiVue in each pane, over the server's drawing and in the same frame. */

import { canvasesIn, closeAll, putAside } from "./canvases.js";
import { panAndZoom } from "./viewport.js";

async function fetched(address, signal) {
  const answer = await fetch(address, { signal });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.arrayBuffer();
}

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

  return {
    /** A picture and a map, read but not in sight; those whose address is missing are left as they are. `base` is what the
        picture's values are. */
    async prepare({ base, map }, colours, signal) {
      const [baseBuffer, mapBuffer] = await Promise.all([base, map].map((address) => address && fetched(address, signal)));
      const volumes = baseBuffer && (await Promise.all(panes.map(() => read(baseBuffer, "gray", 1))));
      const heat = mapBuffer && (await read(mapBuffer, `secondread-${colours}`, 1));
      // NiiVue draws an overlay's voxel whole or not at all, unless a volume, here itself, says how clear it is.
      if (heat) [heat.modulationImage, heat.modulateAlpha] = [1, 1];
      return { volumes, heat, base: volumes && factsOf(volumes[0]) };
    },

    /** Bring in sight what was prepared; without `hasHeat` no map is. */
    put({ volumes, heat }, hasHeat, opacity) {
      panes.forEach(({ pane, isHeat }, index) => {
        const isOver = heat || !hasHeat;
        for (const volume of pane.volumes.slice(volumes ? 0 : isOver ? 1 : 2).reverse()) pane.removeVolume(volume);
        if (volumes) pane.addVolume(volumes[index]);
        if (!heat || !isHeat) return;
        heat.opacity = opacity;
        pane.addVolume(heat);
      });
      for (const { frame } of canvases) delete frame.dataset.empty;
    },

    setColours(colours) {
      each((pane) => {
        if (pane.volumes[1]) pane.setColormap(pane.volumes[1].id, `secondread-${colours}`);
      });
    },

    setOpacity(opacity) {
      each((pane) => {
        if (pane.volumes[1]) pane.setOpacity(1, opacity);
      });
    },

    setWindow({ low, high }, isInverted) {
      each((pane) => {
        const [base] = pane.volumes;
        if (!base) return;
        [base.cal_min, base.cal_max, base.colormapInvert] = [low, high, isInverted];
        pane.updateGLVolume();
      });
    },

    setView(view) {
      each((pane) => {
        pane.scene.pan2Dxyzmm = panAndZoom(view);
        pane.drawScene();
      });
    },

    /** The server's drawing is in sight again; the canvases are kept for the next page. */
    putAside: () => putAside(canvases),

    /** The server's drawing is in sight again, and whatever was wrong with the canvases is gone. */
    close: () => closeAll(canvases),
  };
}
