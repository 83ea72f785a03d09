"""Pictures and heat maps as NIfTI volumes of one slice, for a viewer that keeps their bit depth.

Both carry an affine in one space: the unit is a pixel of the original picture, the origin its middle, x to
the right and y upwards as the picture is shown. What was shrunk for its size lies in it as exactly as the
picture itself, so that they cannot drift apart. The space says nothing of the
patient's: orientation and laterality are unknown.
"""

from __future__ import annotations

import gzip
from typing import TypeAlias

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.formats.base import Pixels
from inference.heatmaps import Channel, channel_of, map_over_image
from inference.preprocessing import Letterbox, intensity_window

Affine: TypeAlias = NDArray[np.float64]

# Graphics cards of every reading room take textures of this size.
MAX_SIDE = 2048
_RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
_FASTEST = 1


def base_volume(
    pixels: Pixels, channel: Channel = "grey", window: tuple[float, float] | None = None
) -> bytes:
    """Return the picture as a gzipped NIfTI of one slice, at the most MAX_SIDE pixels long.

    pixels: uint8 or uint16 (H, W), or uint8 (H, W, 3) RGB; the volume has the same type, and is RGB for the
    channel "rgb" of a colour picture. The header's display range is what `heatmaps.base_png` shows: the
    file's window, else all of 8 bits, and of 16 bits the window of the tensor.
    """
    shown = channel_of(pixels, channel)
    low, high = window or ((0.0, 255.0) if shown.dtype == np.uint8 else intensity_window(shown))
    return _nifti(_bounded(shown), shown.shape[1], shown.shape[0], (low, high))


def map_volume(values: NDArray[np.uint8], box: Letterbox, width: int, height: int, *, smooth: bool) -> bytes:
    """Return a heat map as a gzipped NIfTI of one slice, 255 at its maximum.

    values: uint8 (h, w) over the square of `box`. smooth: as in `heatmaps.map_over_image`,
    whose values these are.
    """
    heat = map_over_image(values, box, width, height, smooth=smooth)
    return _nifti(heat, width, height, (0.0, 255.0))


def _nifti(grid: Pixels, width: int, height: int, shown: tuple[float, float]) -> bytes:
    """A grid that covers `width` x `height` pixels around the picture's middle."""
    cells = np.ascontiguousarray(grid).view(_RGB)[..., 0] if grid.ndim == 3 else grid
    affine = _affine(cells.shape, width, height)
    # The class has no types of its own.
    volume = nib.Nifti1Image(cells.T[:, :, None], affine)  # type: ignore[no-untyped-call]
    volume.header["cal_min"], volume.header["cal_max"] = shown
    return gzip.compress(volume.to_bytes(), _FASTEST, mtime=0)


def _affine(shape: tuple[int, ...], width: int, height: int) -> Affine:
    """From (column, row) of a grid of `shape` (rows, columns) to the middle of that cell."""
    across, down = width / shape[1], height / shape[0]
    return np.array(
        [
            [across, 0, 0, (across - width) / 2],
            [0, -down, 0, (height - down) / 2],
            [0, 0, 1, 0],
            [0, 0, 0, 1],
        ]
    )


def _bounded(pixels: Pixels) -> Pixels:
    """The pixels, or fewer of them; shrunk in their own type, by area."""
    scale = MAX_SIDE / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    if pixels.dtype == np.uint16:
        smaller = Image.fromarray(pixels.astype(np.float32)).resize(size, Image.Resampling.BOX)
        return np.asarray(np.rint(np.asarray(smaller)), np.uint16)
    fewer: Pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
    return fewer
