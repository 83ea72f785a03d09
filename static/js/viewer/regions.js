/* Regions in pixels of a picture, as inference/regions.py describes them. No DOM in here. */

const between = (low, value, high) => Math.min(Math.max(value, low), high);
const rounded = (value) => Math.round(value * 100) / 100;

/** A rectangle or an ellipse between two corners, cut at the picture's edge; null where it is under a pixel. */
export function boxed(kind, image, from, to, { width, height }) {
  const [x0, x1] = [from.x, to.x].map((x) => rounded(between(0, x, width))).sort((a, b) => a - b);
  const [y0, y1] = [from.y, to.y].map((y) => rounded(between(0, y, height))).sort((a, b) => a - b);
  return x1 - x0 < 1 || y1 - y0 < 1 ? null : { image, kind, x0, y0, x1, y1 };
}

/** A box in the picture's middle, a quarter as long as it. */
export function centred(kind, image, size) {
  const from = { x: size.width * 0.375, y: size.height * 0.375 };
  return boxed(kind, image, from, { x: size.width * 0.625, y: size.height * 0.625 }, size);
}

/** A box moved by (dx, dy), never beyond the edge; or, for `resize`, its lower right corner moved. */
export function shifted(region, dx, dy, size, resize = false) {
  if (resize) {
    const corner = { x: region.x1 + dx, y: region.y1 + dy };
    return boxed(region.kind, region.image, { x: region.x0, y: region.y0 }, corner, size) ?? region;
  }
  const across = between(-region.x0, dx, size.width - region.x1);
  const down = between(-region.y0, dy, size.height - region.y1);
  const from = { x: region.x0 + across, y: region.y0 + down };
  return boxed(region.kind, region.image, from, { x: region.x1 + across, y: region.y1 + down }, size);
}

/** Paint (or, with 0, erase) a round stroke from one point to another into a mask of the picture's pixels. */
export function stroke(mask, { width, height }, from, to, radius, value = 1) {
  const steps = Math.max(1, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) / Math.max(radius / 2, 0.5)));
  for (let step = 0; step <= steps; step += 1) {
    const x = from.x + ((to.x - from.x) * step) / steps;
    const y = from.y + ((to.y - from.y) * step) / steps;
    for (let row = Math.max(0, Math.floor(y - radius)); row <= Math.min(height - 1, y + radius); row += 1) {
      for (let column = Math.max(0, Math.floor(x - radius)); column <= Math.min(width - 1, x + radius); column += 1) {
        if (Math.hypot(column + 0.5 - x, row + 0.5 - y) <= radius) mask[row * width + column] = value;
      }
    }
  }
}

/** The runs of painted pixels, each within one row; [] where nothing is painted. */
export function runsOf(mask, width) {
  const runs = [];
  for (let pixel = 0; pixel < mask.length; pixel += 1) {
    if (!mask[pixel]) continue;
    const last = runs.at(-1);
    if (last && last[0] + last[1] === pixel && pixel % width !== 0) last[1] += 1;
    else runs.push([pixel, 1]);
  }
  return runs;
}

/** The mask of a region's runs; empty for null and for boxes. */
export function maskOf(region, { width, height }) {
  const mask = new Uint8Array(width * height);
  for (const [start, length] of region?.runs ?? []) mask.fill(1, start, start + length);
  return mask;
}

/** The region as an SVG path. */
export function pathOf(region, width) {
  if (region.kind === "brush") {
    return region.runs
      .map(([start, length]) => `M${start % width} ${Math.floor(start / width)}h${length}v1h${-length}z`)
      .join("");
  }
  const { x0, y0, x1, y1 } = region;
  if (region.kind === "rectangle") return `M${x0} ${y0}H${x1}V${y1}H${x0}Z`;
  const [across, down] = [(x1 - x0) / 2, (y1 - y0) / 2];
  const half = `a${across} ${down} 0 0 1`;
  return `M${x0} ${y0 + down}${half} ${2 * across} 0${half} ${-2 * across} 0Z`;
}

/** The share of the picture that a region covers. */
export function shareOf(region, { width, height }) {
  if (region.kind === "brush") return region.runs.reduce((sum, [, length]) => sum + length, 0) / (width * height);
  const sides = (region.x1 - region.x0) * (region.y1 - region.y0);
  return (region.kind === "rectangle" ? sides : (sides * Math.PI) / 4) / (width * height);
}
