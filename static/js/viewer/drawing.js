/* The server's drawing: picture and map in pixels of the original, in a frame of the picture's own size. */

const SVG = "http://www.w3.org/2000/svg";

/** An `image` like this one with the picture of another address, once that is there. A fresh element, because the one in sight
    goes on showing what it shows, whatever becomes of the new address. */
function loaded(before, address, signal) {
  const after = document.createElementNS(SVG, "image");
  for (const { name, value } of before.attributes) if (name !== "href") after.setAttribute(name, value);
  return new Promise((resolve, reject) => {
    after.addEventListener("load", () => resolve(after), { once: true });
    after.addEventListener("error", () => reject(new Error("not loaded")), { once: true });
    signal.addEventListener("abort", () => after.removeAttribute("href"), { once: true });
    after.setAttribute("href", address);
  });
}

/** Each element in the place of the one before it; what is in its place already stays. */
function replaced(pairs) {
  for (const [before, after] of pairs) before.replaceWith(after);
  return pairs;
}

const LOOKED_AT = 512;

/** Whether anything of a map is seen. */
function isSeen(map, size) {
  const scale = Math.min(1, LOOKED_AT / Math.max(size.width, size.height));
  const [width, height] = [size.width, size.height].map((side) => Math.max(1, Math.round(side * scale)));
  const sheet = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  sheet.drawImage(map, 0, 0, width, height);
  return sheet.getImageData(0, 0, width, height).data.some((value, index) => index % 4 === 3 && value > 0);
}

/** Let the maps of a page that is not open yet wait until they are asked for. */
export function holdMaps(page) {
  for (const map of page.querySelectorAll('[data-part="map"]')) map.removeAttribute("href");
}

export function openDrawing(viewer) {
  const all = (selector) => [...viewer.querySelectorAll(selector)];
  const prepared = (name, address, signal) =>
    Promise.all(all(`[data-part="${name}"]`).map(async (before) => [before, await loaded(before, address, signal)]));

  return {
    /** Picture and map, there but not in sight; those whose address is null are left as they are. Where nothing is in sight
        yet (`isFirst`), the picture need not wait for its map. */
    async prepare({ base, map }, signal, isFirst) {
      const [bases, maps] = await Promise.all([
        base ? prepared("base", base, signal).then((found) => (isFirst && !signal.aborted ? replaced(found) : found)) : [],
        map ? prepared("map", map, signal) : [],
      ]);
      return { bases, maps };
    },

    /** Bring them in sight, in the frame of their picture; without `hasHeat` no map is. */
    put({ bases, maps }, { width, height }, hasHeat) {
      replaced([...bases, ...maps]);
      for (const element of all('[data-part="base"], [data-part="map"]')) {
        element.setAttribute("width", width);
        element.setAttribute("height", height);
      }
      for (const element of all('[data-part="map"]')) element.setAttribute("visibility", hasHeat ? "visible" : "hidden");
    },

    /** Take away what the page itself began to load and never got, so that it can be asked for again. */
    clear() {
      for (const element of all('[data-part="base"], [data-part="map"]')) element.removeAttribute("href");
    },

    /** Whether the map in sight has any heat. */
    hasEvidence(size) {
      const [map] = all('[data-part="map"]');
      return map !== undefined && isSeen(map, size);
    },
  };
}
