"""Random appearance: what scanners, exporters and web sites do to a slice without changing what it shows.

Intensity, sharpness, compression, background and crop betray the source of a picture, and the source betrays
the class; a network that meets all of them in all classes cannot lean on them.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from inference.training.recipe import Appearance

# Side of the coarse grid from which a smooth coil-like shading is drawn.
_SHADING_GRID = 4


def change_appearance(
    images: NDArray[np.float32], chances: Appearance, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return the images, float32 (B, S, S, 1) in [0, 1], each changed in its own way."""
    changed = [_change(image[..., 0], chances, rng) for image in images]
    return np.stack(changed)[..., None].astype(np.float32)


def _change(image: NDArray[np.float32], chances: Appearance, rng: np.random.Generator) -> NDArray[np.float32]:
    image = _erase(image, rng) if rng.random() < chances.erase else image
    image = _shade(image, rng) if rng.random() < chances.shading else image
    image = _contrast(image, chances, rng)
    # Drawn only where asked for, so that older recipes keep their draws.
    image = _clip(image, rng) if chances.clipped and rng.random() < chances.clipped else image
    image = _coarsen(image, rng) if rng.random() < chances.coarsen else image
    image = _blur_or_sharpen(image, rng) if rng.random() < chances.sharpness else image
    image = _noise(image, rng) if rng.random() < chances.noise else image
    image = _compress(image, rng) if rng.random() < chances.compression else image
    image = _crop(image, rng) if rng.random() < chances.crop else image
    return np.clip(image, 0.0, 1.0)


def _contrast(
    image: NDArray[np.float32], chances: Appearance, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Gamma within 1 / (1 + g) and 1 + g, then gain and offset of at most `contrast`."""
    gamma = np.exp(rng.uniform(-1, 1) * np.log1p(chances.gamma))
    gain = 1 + rng.uniform(-chances.contrast, chances.contrast)
    offset = rng.uniform(-chances.contrast, chances.contrast) / 3
    changed: NDArray[np.float32] = np.clip(image**gamma * gain + offset * (image > 0.02), 0.0, 1.0)
    return changed


def _clip(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Make all black that is darker than some grey, and all white that is brighter than another, as a
    viewer's narrow window does before it saves.
    """
    low, high = rng.uniform(0.0, 0.3), 1 - rng.uniform(0.0, 0.15)
    clipped: NDArray[np.float32] = np.clip((image - low) / (high - low), 0.0, 1.0).astype(np.float32)
    return clipped


def _shade(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    coarse = rng.uniform(0.7, 1.3, (_SHADING_GRID, _SHADING_GRID))
    smooth: NDArray[np.float32] = ndimage.zoom(
        coarse.astype(np.float32), image.shape[0] / _SHADING_GRID, order=1
    )
    return image * smooth


def _coarsen(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Down to between 45 % and 90 % of the resolution and up again."""
    side = image.shape[0]
    small = max(8, round(side * rng.uniform(0.45, 0.9)))
    picture = Image.fromarray(image).resize((small, small), Image.Resampling.BILINEAR)
    return np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC))


def _blur_or_sharpen(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    smooth = ndimage.gaussian_filter(image, rng.uniform(0.4, 1.2))
    if rng.random() < 0.5:
        return smooth
    return np.clip(image + rng.uniform(0.3, 1.2) * (image - smooth), 0.0, 1.0)


def _noise(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    grains: NDArray[np.float32] = rng.standard_normal(image.shape, np.float32) * np.float32(
        rng.uniform(0.005, 0.05)
    )
    return image + grains


def _compress(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    buffer = io.BytesIO()
    Image.fromarray(np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)).save(
        buffer, "JPEG", quality=int(rng.integers(25, 90))
    )
    with Image.open(buffer) as picture:
        return np.asarray(picture, np.float32) / np.float32(255)


def _crop(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Black out up to an eighth of the picture at one side, as a tighter crop with padding would."""
    width = int(rng.integers(1, max(2, image.shape[0] // 8)))
    quarter = int(rng.integers(4))
    turned = np.rot90(image, quarter).copy()
    turned[:width] = 0
    return np.rot90(turned, -quarter)


def _erase(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Fill a random box with its own mean, so that no single place carries the decision."""
    side = image.shape[0]
    height, width = rng.integers(side // 12, side // 5, 2)
    top, left = int(rng.integers(0, side - height)), int(rng.integers(0, side - width))
    erased = image.copy()
    part = erased[top : top + height, left : left + width]
    part[...] = part.mean()
    return erased
