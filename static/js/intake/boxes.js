/* Boxes in whole pixels of a picture, as lines of four numbers: left, top, right, bottom. No DOM in here. */

const LINE = /^\s*(\d+)[ ,;]+(\d+)[ ,;]+(\d+)[ ,;]+(\d+)\s*$/;

/** The boxes of those lines that are complete; the server says what is wrong with the others. */
export function boxesIn(text) {
  return text.split("\n").flatMap((line) => {
    const found = LINE.exec(line);
    if (!found) return [];
    const [x0, y0, x1, y1] = found.slice(1).map(Number);
    return x0 < x1 && y0 < y1 ? [{ x0, y0, x1, y1 }] : [];
  });
}

export const linesOf = (boxes) => boxes.map(({ x0, y0, x1, y1 }) => `${x0} ${y0} ${x1} ${y1}`).join("\n");

/** The box with whole edges around all that it touches. */
export const outwards = ({ x0, y0, x1, y1 }) => ({
  x0: Math.floor(x0),
  y0: Math.floor(y0),
  x1: Math.ceil(x1),
  y1: Math.ceil(y1),
});
