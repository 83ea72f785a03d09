/* Window centre and width: which values of a picture become black and white. No DOM in here.

   A window is {low, high} in the picture's own values. */

const NARROWEST = 1 / 256;

export const centreOf = ({ low, high }) => (low + high) / 2;
export const widthOf = ({ low, high }) => high - low;

/** A window from centre and width; the width is never nothing. */
export function windowOf(centre, width, range) {
  const wide = Math.max(width, range * NARROWEST);
  return { low: centre - wide / 2, high: centre + wide / 2 };
}

/** Dragged by (dx, dy) pixels of the screen: to the right is wider, upwards is brighter, as one sees the picture. */
export function dragged(start, dx, dy, range, isInverted = false) {
  const step = range / 512;
  const darker = isInverted ? -dy : dy;
  return windowOf(centreOf(start) + darker * step, widthOf(start) + dx * step, range);
}

/** How often each value occurs, in 1,024 steps from the least to the greatest. */
export function histogramOf(values) {
  let [least, greatest] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  const counts = new Float64Array(1024);
  const step = (greatest - least) / (counts.length - 1) || 1;
  for (const value of values) counts[Math.round((value - least) / step)] += 1;
  return { least, greatest, step, counts };
}

/** The value below which a share of the pixels lies; `from` leaves out the steps before it (the dark ground). */
export function quantile({ least, step, counts }, share, from = 0) {
  let total = 0;
  for (let index = from; index < counts.length; index += 1) total += counts[index];
  let seen = 0;
  for (let index = from; index < counts.length; index += 1) {
    seen += counts[index];
    if (seen >= share * total) return least + index * step;
  }
  return least + (counts.length - 1) * step;
}

// Darker than this share of the range is ground around the head, not tissue.
const GROUND = 0.06;

/** The presets by name. `received` is the window that the server shows, `more` are the file's others, as [low, high]. */
export function presetsOf(histogram, received, more = []) {
  const range = histogram.greatest - histogram.least;
  const ground = Math.ceil(GROUND * histogram.counts.length);
  const share = (low, high) => {
    const window = { low: quantile(histogram, low, ground), high: quantile(histogram, high, ground) };
    return widthOf(window) > 0 ? window : received;
  };
  const full = range > 0 ? { low: histogram.least, high: histogram.greatest } : received;
  const others = Object.fromEntries(more.map(([low, high], at) => [`file-${at + 2}`, { low, high }]));
  return { received, ...others, full, tissue: share(0.02, 0.98), bright: share(0.6, 0.999), dark: share(0, 0.5) };
}

/** The picture's facts, its histogram among them, with its range and presets; `more` as in `presetsOf`. */
export function measured(picture, more) {
  const { histogram } = picture;
  return { ...picture, range: histogram.greatest - histogram.least || 1, presets: presetsOf(histogram, picture.received, more) };
}
