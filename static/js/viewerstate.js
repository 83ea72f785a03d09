/* What the viewer shows for a choice of layer, class, colours and opacity. No DOM in here.
   `places` comes from the server (cases/pages/viewer.py). */

const query = (values) => new URLSearchParams(values).toString();

function at(address, { layer, shown }) {
  return address.replace("LAYER", encodeURIComponent(layer)).replace("CLASS", encodeURIComponent(shown));
}

/** The address of the small heat map. */
export function mapAddress(places, choice) {
  return `${at(places.map, choice)}?${query({ colours: choice.colours })}`;
}

/** The address of the picture that the server lays over. */
export function overlayAddress(places, choice) {
  return `${at(places.overlay, choice)}?${query({ colours: choice.colours, opacity: choice.opacity })}`;
}

/** The address of the base in one channel. */
export function baseAddress(address, channel) {
  return `${address.split("?")[0]}?${query({ channel })}`;
}

/** An opacity in percent as SVG takes it: 0 to 1. */
export function svgOpacity(percent) {
  return String(Math.min(100, Math.max(0, Number(percent))) / 100);
}

/** Whether the network found anything for the class in the layer. */
export function hasEvidence(places, { layer, shown }) {
  return places.evidence[layer][shown];
}
