"""What a scanner and a workstation do to a slice: shading, contrast, noise, and the mark burned
into the corner.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from inference.demo.anatomy import Grid

MARK = "SIMULATED"
_MARK_BACKGROUND = 4
# Standard deviation of a point, as a share of the side: what a matrix of 256 leaves of an edge.
_POINT_SPREAD = 1 / 256


@dataclass(frozen=True)
class Scanner:
    """gamma: of the contrast; shading: strength of the coil's bias field; noise: standard
    deviation, of [0, 1].
    """

    gamma: float
    shading: float
    noise: float


def acquire(
    image: Grid, scanner: Scanner, rng: np.random.Generator, noise: np.random.Generator | None = None
) -> Grid:
    """Return the slice in [0, 1] as this scanner shows it; magnitude noise, as MR has (Gudbjartsson
    and Patz 1995).

    noise: where the noise comes from, so that slices of one series share the coil and not the noise.
    """
    size = len(image)
    image = ndimage.gaussian_filter(image, _POINT_SPREAD * size)
    field = ndimage.gaussian_filter(rng.standard_normal((size, size)), size / 4)
    field = 1.0 + scanner.shading * field / np.abs(field).max()
    signal = np.clip(image, 0.0, 1.0) ** scanner.gamma * field
    real, imaginary = (noise or rng).normal(0.0, scanner.noise, (2, size, size))
    return np.asarray(np.clip(np.hypot(signal + real, imaginary) * 0.92, 0.0, 1.0))


def eight_bit(image: Grid) -> NDArray[np.uint8]:
    """Return uint8 (H, W) with the mark."""
    return np.array(_marked(Image.fromarray(np.rint(image * 255).astype(np.uint8)), 235))


def twelve_bit(image: Grid) -> NDArray[np.uint16]:
    """Return uint16 (H, W) with values to 4095 and the mark, as a scanner's own pixels come."""
    pixels = np.rint(image * 4095).astype(np.uint16)
    mark = np.asarray(_marked(Image.new("L", image.shape[::-1]), 255))
    return np.where(mark > _MARK_BACKGROUND, np.uint16(16) * mark.astype(np.uint16), pixels)


def coloured(image: Grid) -> NDArray[np.uint8]:
    """Return uint8 (H, W, 3) with the mark in amber, as a screenshot of a workstation comes."""
    grey = Image.fromarray(np.rint(image * 255).astype(np.uint8)).convert("RGB")
    return np.array(_marked(grey, (255, 196, 64)))


def _marked(image: Image.Image, fill: int | tuple[int, int, int]) -> Image.Image:
    font = ImageFont.load_default(size=max(11, image.height // 22))
    ImageDraw.Draw(image).text((6, 4), MARK, fill=fill, font=font)
    return image
