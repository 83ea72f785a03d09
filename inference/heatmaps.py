"""Heat maps after the network: kept small, packed for storage, coloured late.

The maps of an image stay on their layer's own grid with 8 bits and one scale each. Colour is given when
somebody looks. What lies over a picture is `map_over_image` and nothing else: the drawing's palette PNG, the
overlay as one picture and the viewer's volume show the same values. numpy and Pillow only, because the web
process uses it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.colour_maps import COLOUR_MAPS, DEFAULT_COLOUR_MAP
from inference.errors import InferenceError
from inference.formats.base import Pixels
from inference.preprocessing import Letterbox, letterbox, to_display, to_grey

__all__ = [
    "COLOUR_MAPS",
    "Channel",
    "MapSet",
    "base_png",
    "channel_of",
    "colour_png",
    "map_over_image",
    "overlay_png",
    "pack",
    "unpack",
]

Channel = Literal["grey", "rgb", "red", "green", "blue"]

_OVERLAY_SIDE = 1024
_CHANNEL_INDEX: Mapping[str, int] = {"red": 0, "green": 1, "blue": 2}


@dataclass(frozen=True, eq=False)
class MapSet:
    """The Grad-CAM maps of one image, of every layer and class.

    values: layer to uint8 (C, h, w), 255 at each map's own maximum, over the square that the network saw.
    scales: layer to float32 (C,), that maximum before scaling; 0 where a class has no positive evidence, and
    then the map is all zeros. Maps of one layer compare by value * scale. square: that square; None for maps
    that were stored before they told it, which cover the one round their picture.
    """

    layers: tuple[str, ...]
    class_codes: tuple[str, ...]
    values: Mapping[str, NDArray[np.uint8]]
    scales: Mapping[str, NDArray[np.float32]]
    square: Letterbox | None = None

    def square_on(self, width: int, height: int) -> Letterbox:
        """Return the square that the maps cover, on their picture of `width` x `height` pixels."""
        return self.square or letterbox(width, height)


def pack(maps: MapSet) -> bytes:
    """Return the maps as a compressed npz archive without pickled objects."""
    arrays: dict[str, NDArray[np.generic]] = {
        "layers": np.array(maps.layers, np.str_),
        "class_codes": np.array(maps.class_codes, np.str_),
    }
    for layer in maps.layers:
        arrays[f"values/{layer}"] = maps.values[layer]
        arrays[f"scales/{layer}"] = maps.scales[layer]
    if maps.square is not None:
        arrays["square"] = np.array([maps.square.side, maps.square.left, maps.square.top], np.float64)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpack(data: bytes) -> MapSet:
    """Return what `pack` was given. Raises InferenceError maps_damaged for any other bytes."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            layers = tuple(str(name) for name in archive["layers"])
            return MapSet(
                layers=layers,
                class_codes=tuple(str(code) for code in archive["class_codes"]),
                values={layer: archive[f"values/{layer}"] for layer in layers},
                scales={layer: archive[f"scales/{layer}"] for layer in layers},
                square=_square(archive["square"]) if "square" in archive.files else None,
            )
    except (ValueError, KeyError, OSError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise InferenceError(
            "maps_damaged", f"The stored heat maps cannot be read. Received {len(data):,} bytes."
        ) from error


def _square(values: NDArray[np.float64]) -> Letterbox:
    side, left, top = (float(value) for value in values)
    return Letterbox(int(side), left, top)


def colour_png(values: NDArray[np.uint8], colour_map: str = DEFAULT_COLOUR_MAP) -> bytes:
    """Return a palette PNG of one map on the grid given; alpha is the value itself, so that no evidence is
    clear.

    values: uint8 (h, w), 255 at the map's maximum; what `map_over_image` returns, for a map over a picture.
    colour_map: a name in COLOUR_MAPS.
    """
    image = Image.fromarray(values)
    image.putpalette(_table(colour_map).tobytes())
    return _png(image, transparency=bytes(range(256)))


def overlay_png(
    pixels: Pixels,
    values: NDArray[np.uint8],
    square: Letterbox,
    opacity: float = 0.5,
    colour_map: str = DEFAULT_COLOUR_MAP,
    *,
    smooth: bool = True,
    window: tuple[float, float] | None = None,
) -> bytes:
    """Return an RGB PNG of the slice under its heat map, at the image's size or 1024 pixels on the longer
    side.

    pixels: as decoded. values: uint8 (h, w) over the square. opacity: 0 to 1 at the map's
    maximum. smooth: as in `map_over_image`. window: as `to_display` takes it.
    """
    base = Image.fromarray(to_display(to_grey(pixels), window))
    if (size := _size_over(*base.size)) != base.size:
        base = base.resize(size, Image.Resampling.BILINEAR)
    heat = map_over_image(values, square, pixels.shape[1], pixels.shape[0], smooth=smooth)
    colour = _table(colour_map)[heat].astype(np.float32)
    weight = heat[..., None].astype(np.float32) * (min(max(opacity, 0.0), 1.0) / 255.0)
    grey = np.asarray(base, np.float32)[..., None]
    return _png(Image.fromarray(np.rint(grey + (colour - grey) * weight).astype(np.uint8)))


def base_png(
    pixels: Pixels,
    channel: Channel = "grey",
    side: int | None = None,
    *,
    window: tuple[float, float] | None = None,
) -> bytes:
    """Return an 8-bit PNG for display: luma, all channels, or one channel of a colour image; at full size, or
    with `side` pixels at the most on the longer side.

    16-bit images pass through the same intensity window as the tensor, unless their file has one (`window`,
    as `to_display` takes it). A grey image is the same in every channel.
    """
    picture = Image.fromarray(to_display(channel_of(pixels, channel), window))
    if side and max(picture.size) > side:
        picture.thumbnail((side, side))
    return _png(picture)


def channel_of(pixels: Pixels, channel: Channel) -> Pixels:
    """Return what a channel is of the pixels, in their own type. A grey picture is the same in every channel.

    pixels: uint8 or uint16 (H, W), or uint8 (H, W, 3). Returns (H, W, 3) for "rgb" of a colour picture, else
    (H, W).
    """
    if pixels.ndim == 2 or channel == "rgb":
        return pixels
    if channel == "grey":
        return to_grey(pixels)
    return np.ascontiguousarray(pixels[..., _CHANNEL_INDEX[channel]], np.uint8)


def map_over_image(
    values: NDArray[np.uint8], box: Letterbox, width: int, height: int, *, smooth: bool = True
) -> NDArray[np.uint8]:
    """Return the map as it lies over the picture: its part of the square, at the picture's size or 1024
    pixels on the longer side; zero where the square does not reach.

    values: uint8 (h, w) over the square of `box`, which lies on a picture of `width` x `height`. smooth:
    linear between the middles of the fields (each pixel's mean, where they are finer than the pixels), before
    any colour is given; otherwise each pixel has the value of the field that its middle lies in. Returns
    uint8 (rows, columns), [0, 255], which covers the picture exactly.
    """
    columns, rows = _size_over(width, height)
    across, x0, x1 = _covered(box.left, box.side, width, columns, values.shape[1])
    down, y0, y1 = _covered(box.top, box.side, height, rows, values.shape[0])
    over = np.zeros((rows, columns), np.uint8)
    size = (across.stop - across.start, down.stop - down.start)
    way = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    if min(size) > 0:
        over[down, across] = np.asarray(Image.fromarray(values).resize(size, way, box=(x0, y0, x1, y1)))
    return over


def _covered(before: float, side: int, length: int, drawn: int, fields: int) -> tuple[slice, float, float]:
    """Along one axis: the drawn pixels that the square covers, and where in its fields they begin and end.

    before: as a Letterbox has it. length: of the picture; drawn: of its drawing.
    """
    scale = drawn / length
    first, last = round(max(0.0, -before) * scale), round(min(float(length), side - before) * scale)
    start, end = ((edge / scale + before) * fields / side for edge in (first, last))
    # An edge that was rounded to a drawn pixel may lie a little outside.
    return slice(first, last), max(0.0, start), min(float(fields), end)


def _size_over(width: int, height: int) -> tuple[int, int]:
    """Columns and rows of what is laid over a picture of this size."""
    scale = min(1.0, _OVERLAY_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _table(colour_map: str) -> NDArray[np.uint8]:
    if colour_map not in COLOUR_MAPS:
        raise InferenceError(
            "colour_map_unknown",
            f"There is no such colour map; there are {', '.join(COLOUR_MAPS)}. Received {colour_map!r}.",
        )
    return COLOUR_MAPS[colour_map]


def _png(image: Image.Image, **options: bytes) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=1, **options)
    return buffer.getvalue()
