/* Lengths and areas on a picture, in millimetres where the file tells how large its pixels are, in pixels else. No DOM in here.

   `spacing` is [between rows, between columns] in mm, or null. */

import { shareOf } from "./regions.js";

/** How far it is from one point to another: `value`, and whether it `isMm`. */
export function lengthOf({ from, to }, spacing) {
  const [down, across] = spacing ?? [1, 1];
  return { value: Math.hypot((to.x - from.x) * across, (to.y - from.y) * down), isMm: spacing !== null };
}

/** The area of a region on a picture of this size: `value`, and whether it `isMm`. */
export function areaOf(region, { width, height }, spacing) {
  const [down, across] = spacing ?? [1, 1];
  return { value: shareOf(region, { width, height }) * width * height * across * down, isMm: spacing !== null };
}

/** A measure in the page's own words: of `words`, `mm` or `px`, with {n} for the number. */
export function inWords({ value, isMm }, words, language) {
  const digits = isMm ? 1 : 0;
  const number = value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return words[isMm ? "mm" : "px"].replace("{n}", number);
}

const between = (low, value, high) => Math.min(Math.max(value, low), high);

/** The point, or the nearest one on the picture. */
export const onto = ({ x, y }, { width, height }) => ({ x: between(0, x, width), y: between(0, y, height) });

/** A level line in the picture's middle, a quarter as long as it. */
export const levelLine = ({ width, height }) => ({
  from: { x: width * 0.375, y: height / 2 },
  to: { x: width * 0.625, y: height / 2 },
});

/** A line moved by (dx, dy), never beyond the edge; or, for `end`, its second point alone. */
export function movedLine({ from, to }, dx, dy, size, end = false) {
  if (end) return { from, to: onto({ x: to.x + dx, y: to.y + dy }, size) };
  const across = between(-Math.min(from.x, to.x), dx, size.width - Math.max(from.x, to.x));
  const down = between(-Math.min(from.y, to.y), dy, size.height - Math.max(from.y, to.y));
  const moved = ({ x, y }) => ({ x: x + across, y: y + down });
  return { from: moved(from), to: moved(to) };
}

/** A line with a stroke of twice `arm` across each end, as an SVG path. */
export function pathOfLine({ from, to }, arm) {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const [x, y] = [(-(to.y - from.y) / length) * arm, ((to.x - from.x) / length) * arm];
  const across = (end) => `M${end.x - x} ${end.y - y}L${end.x + x} ${end.y + y}`;
  return `M${from.x} ${from.y}L${to.x} ${to.y}${across(from)}${across(to)}`;
}
