/* What a wheel or a trackpad asks for. No DOM in here.

   A notch of a wheel comes as one large event, in pixels or in lines; two fingers on a trackpad as many small ones, and
   sideways ones among them, which mean nothing here; two fingers that spread as small ones with Ctrl. */

const NOTCH = 100;
const PIXELS = [1, NOTCH / 3, 4 * NOTCH];
// So far on a trackpad is a picture.
const A_PICTURE = 40;
const SPREAD = 5;

const pixelsOf = ({ deltaY, deltaMode = 0 }) => deltaY * PIXELS[deltaMode];

/** How much larger: `step` for a notch upwards, less for less. */
export function growthOf(event, step) {
  const pixels = pixelsOf(event) * (event.ctrlKey ? SPREAD : 1);
  return step ** (-Math.min(Math.max(pixels, -NOTCH), NOTCH) / NOTCH);
}

/** Counts the pictures to go on by: -1, 0 or 1 for an event. */
export function pictureSteps() {
  let gone = 0;
  return (event) => {
    const pixels = pixelsOf(event);
    gone = Math.sign(pixels) === -Math.sign(gone) ? pixels : gone + pixels;
    if (Math.abs(gone) < A_PICTURE) return 0;
    const step = Math.sign(gone);
    gone = 0;
    return step;
  };
}
