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
from inference.preprocessing import Letterbox, to_display, to_grey

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

    values: layer to uint8 (C, h, w), 255 at each map's own maximum, over the letterboxed square (see
    Letterbox). scales: layer to float32 (C,), that maximum before scaling; 0 where a class has no positive
    evidence, and then the map is all zeros. Maps of one layer compare by value * scale.
    """

    layers: tuple[str, ...]
    class_codes: tuple[str, ...]
    values: Mapping[str, NDArray[np.uint8]]
    scales: Mapping[str, NDArray[np.float32]]


def pack(maps: MapSet) -> bytes:
    """Return the maps as a compressed npz archive without pickled objects."""
    arrays: dict[str, NDArray[np.generic]] = {
        "layers": np.array(maps.layers, np.str_),
        "class_codes": np.array(maps.class_codes, np.str_),
    }
    for layer in maps.layers:
        arrays[f"values/{layer}"] = maps.values[layer]
        arrays[f"scales/{layer}"] = maps.scales[layer]
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
            )
    except (ValueError, KeyError, OSError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise InferenceError(
            "maps_damaged", f"The stored heat maps cannot be read. Received {len(data):,} bytes."
        ) from error


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
    letterbox: Letterbox,
    opacity: float = 0.5,
    colour_map: str = DEFAULT_COLOUR_MAP,
    *,
    smooth: bool = True,
    window: tuple[float, float] | None = None,
) -> bytes:
    """Return an RGB PNG of the slice under its heat map, at the image's size or 1024 pixels on the longer
    side.

    pixels: as decoded. values: uint8 (h, w) over the letterboxed square. opacity: 0 to 1 at the map's
    maximum. smooth: as in `map_over_image`. window: as `to_display` takes it.
    """
    base = Image.fromarray(to_display(to_grey(pixels), window))
    if (size := _size_over(*base.size)) != base.size:
        base = base.resize(size, Image.Resampling.BILINEAR)
    heat = map_over_image(values, letterbox, pixels.shape[1], pixels.shape[0], smooth=smooth)
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
    pixels on the longer side.

    values: uint8 (h, w) over the square of `box`, the letterbox of `width` x `height`. smooth: linear between
    the middles of the fields (each pixel's mean, where they are finer than the pixels), before any colour is
    given; otherwise each pixel has the value of the field that its middle lies in. Returns uint8
    (rows, columns), [0, 255], which covers the picture exactly.
    """
    rows, columns = values.shape
    x, y = columns / box.side, rows / box.side
    part = (box.left * x, box.top * y, (box.left + width) * x, (box.top + height) * y)
    way = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(values).resize(_size_over(width, height), way, box=part))


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
