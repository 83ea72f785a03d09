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

/** The heat map as the server colours it. */
export function mapAddress({ heat }, choice) {
  return `${at(heat.map, choice)}?${query({ colours: choice.colours, interpolation: choice.interpolation })}`;
}

/** The heat map's values. */
export const mapVolumeAddress = ({ heat }, choice) => `${at(heat.volume, choice)}?${query({ interpolation: choice.interpolation })}`;

/** The picture that the server lays over. */
export function overlayAddress({ heat }, choice) {
  const { colours, opacity, interpolation } = choice;
  return `${at(heat.overlay, choice)}?${query({ colours, opacity, interpolation })}`;
}

/** All that one picture is shown with; the maps' are null where it has none, or no pane for it. */
export function addressesOf(image, choice, hasHeatPane) {
  const hasHeat = image.heat !== null && hasHeatPane;
  return {
    base: baseAddress(image, choice),
    map: hasHeat ? mapAddress(image, choice) : null,
    volume: volumeAddress(image, choice),
    mapVolume: hasHeat ? mapVolumeAddress(image, choice) : null,
  };
}
