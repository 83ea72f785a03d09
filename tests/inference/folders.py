"""Pictures for folders of labelled images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, brightness: float = 1.0):
    """uint8 (64, 64): smooth random structures, as different between seeds as two heads are."""
    coarse = (np.random.default_rng(seed).uniform(0, 255, (10, 10)) * brightness).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((64, 64), Image.Resampling.BICUBIC)).copy()


def write(path: Path, pixels, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path
