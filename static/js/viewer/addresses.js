/* Where pictures and maps are, for a choice of channel, layer, class, colours and opacity. No DOM in here.
   `image` and its `heat` come from the server (cases/viewer/viewer.py). */

const query = (values) => new URLSearchParams(values).toString();

function at(address, { layer, shown }) {
  return address.replace("LAYER", encodeURIComponent(layer)).replace("CLASS", encodeURIComponent(shown));
}

const withChannel = (address, { channel }) => `${address}&${query({ channel: channel || "grey" })}`;

/** The picture as the server draws it. */
export const baseAddress = (image, choice) => withChannel(image.base, choice);

/** The picture with its full bit depth. */
export const volumeAddress = (image, choice) => withChannel(image.volume, choice);

/** The small heat map as the server colours it. */
export const mapAddress = ({ heat }, choice) => `${at(heat.map, choice)}?${query({ colours: choice.colours })}`;

/** The heat map's values. */
export const mapVolumeAddress = ({ heat }, choice) => `${at(heat.volume, choice)}?${query({ interpolation: choice.interpolation })}`;

/** The picture that the server lays over. */
export function overlayAddress({ heat }, choice) {
  return `${at(heat.overlay, choice)}?${query({ colours: choice.colours, opacity: choice.opacity })}`;
}
