/* Which part of a picture the panes show. No DOM in here.

   A view is in pixels of the original: `width` and `height` of the picture, its point (`x`, `y`) in the middle of the
   pane, and `zoom`, 1 where the whole picture just fits. Every pane has the same view, whatever its size. */

export const MOST = 32;

const between = (low, value, high) => Math.min(Math.max(value, low), high);

/** The whole picture. */
export const whole = (width, height) => ({ width, height, x: width / 2, y: height / 2, zoom: 1 });

function within(view) {
  const zoom = between(1, view.zoom, MOST);
  const [across, down] = [view.width / zoom / 2, view.height / zoom / 2];
  return {
    ...view,
    zoom,
    x: between(across, view.x, view.width - across),
    y: between(down, view.y, view.height - down),
  };
}

/** Larger or smaller by a factor, with the point (x, y) of the picture left where it is on the screen. */
export function zoomed(view, factor, x = view.x, y = view.y) {
  const zoom = between(1, view.zoom * factor, MOST);
  const step = zoom / view.zoom;
  return within({ ...view, zoom, x: x - (x - view.x) / step, y: y - (y - view.y) / step });
}

/** Moved with the pointer, by (dx, dy) pixels of the picture. */
export const moved = (view, dx, dy) => within({ ...view, x: view.x - dx, y: view.y - dy });

/** The view as an SVG viewBox; a pane of another shape shows a margin around it. */
export function viewBox({ width, height, x, y, zoom }) {
  return `${x - width / zoom / 2} ${y - height / zoom / 2} ${width / zoom} ${height / zoom}`;
}

/** The view as NiiVue's pan and zoom, for volumes whose space begins in the picture's middle and counts upwards. */
export function panAndZoom({ width, height, x, y, zoom }) {
  return [zoom * (width / 2 - x), zoom * (y - height / 2), 0, zoom];
}

/** Pixels of the screen for one of the picture, in a pane of this size. */
export const scaleIn = (pane, view) => view.zoom * Math.min(pane.width / view.width, pane.height / view.height);

/** The point of the picture under a point of the screen. `pane` is the pane's rectangle on the screen. */
export function pointAt(pane, view, clientX, clientY) {
  const scale = scaleIn(pane, view);
  return {
    x: view.x + (clientX - pane.left - pane.width / 2) / scale,
    y: view.y + (clientY - pane.top - pane.height / 2) / scale,
  };
}

/** Whether a point lies on the picture. */
export const isOn = ({ width, height }, { x, y }) => x >= 0 && y >= 0 && x < width && y < height;
