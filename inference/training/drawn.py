"""Pictures made by rule, none of them a brain MR slice: pages of text, line drawings, shapes, noise, empty
frames.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]

_SIDE = 256
_SEEDS = 4
_PAGE_SIZES = (10, 14, 18, 24, 36)
_TEXT = (
    "The patient was seen today for a routine visit and reports no new complaints. Vital signs are "
    "stable; medication remains as before. Please arrange a follow-up in six weeks and send a copy to "
    "the practice. Invoice 2093: 4 items, total 118.40, due on the first of the month. Thank you for "
    "your kind referral."
)


def drawn() -> Iterator[tuple[str, str, Picture]]:
    """Yield kind, source and uint8 (256, 256) of every drawn picture; the same on every call.

    Pictures of one rule share a source, whatever their seed.
    """
    for size in _PAGE_SIZES:
        for seed in range(_SEEDS):
            yield "text", f"page of {size} px", _page(size, seed)
            yield "text", f"light page of {size} px", 255 - _page(size, seed)
    for seed in range(_SEEDS):
        rng = np.random.default_rng(seed)
        yield "drawing", "lines", _lines(rng)
        yield "drawing", "ovals on black", _ovals(rng)
        for source, picture in _noises(rng):
            yield "noise", source, picture
    yield from (("drawing", source, picture) for source, picture in _shapes())
    yield from (("empty", source, picture) for source, picture in _empty())


def _page(size: int, seed: int) -> Picture:
    rng = np.random.default_rng(seed)
    page = Image.new("L", (_SIDE, _SIDE), 0)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size)
    for top in range(size // 2, _SIDE - size, size + size // 3):
        line = " ".join(rng.choice(_TEXT.split(), 20))
        draw.text((size // 2, top), line, fill=255, font=font)
    return np.asarray(page)


def _lines(rng: np.random.Generator) -> Picture:
    image = Image.new("L", (_SIDE, _SIDE), 0)
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        draw.line(rng.integers(0, _SIDE, 6).tolist(), fill=int(rng.integers(90, 256)), width=2)
        x, y, size = rng.integers(0, _SIDE, 3).tolist()
        draw.ellipse((x, y, x + size, y + size), outline=255, width=2)
    return np.asarray(image)


def _ovals(rng: np.random.Generator) -> Picture:
    """Plain grey ovals within one another: the outline of a head, and nothing in it."""
    image = Image.new("L", (_SIDE, _SIDE), 0)
    draw = ImageDraw.Draw(image)
    for margin in (20, 32, 90):
        grey = int(rng.integers(60, 256))
        draw.ellipse((margin + 12, margin, _SIDE - margin - 12, _SIDE - margin), fill=grey)
    return np.asarray(image)


def _shapes() -> Iterator[tuple[str, Picture]]:
    rows, columns = np.mgrid[0:_SIDE, 0:_SIDE]
    for cell in (4, 16, 64):
        board = (rows // cell + columns // cell) % 2
        yield "checkerboard", (board * 255).astype(np.uint8)
        yield "stripes", (columns // cell % 2 * 255).astype(np.uint8)
    yield "gradient", rows.astype(np.uint8)
    yield "gradient", ((rows + columns) // 2).astype(np.uint8)
    middle = np.hypot(rows - _SIDE / 2, columns - _SIDE / 2)
    yield "round gradient", np.clip(middle * 1.4, 0, 255).astype(np.uint8)
    yield "round gradient", np.clip(255 - middle * 2.0, 0, 255).astype(np.uint8)


def _noises(rng: np.random.Generator) -> Iterator[tuple[str, Picture]]:
    white = rng.standard_normal((_SIDE, _SIDE))
    yield "white noise", _stretched(white)
    for slope in (0.5, 1.0, 1.5, 2.0):
        yield f"noise of amplitude 1/f^{slope}", _coloured(white, slope)
    yield "grains", (rng.random((_SIDE, _SIDE)) < 0.02).astype(np.uint8) * np.uint8(255)
    coarse = Image.fromarray(rng.integers(0, 256, (16, 16), np.uint8))
    yield "blocks of noise", np.asarray(coarse.resize((_SIDE, _SIDE), Image.Resampling.NEAREST))


def _coloured(white: NDArray[np.float64], slope: float) -> Picture:
    rows, columns = np.meshgrid(np.fft.fftfreq(_SIDE), np.fft.fftfreq(_SIDE), indexing="ij")
    frequency = np.maximum(np.hypot(rows, columns), 1 / _SIDE)
    return _stretched(np.fft.ifft2(np.fft.fft2(white) / frequency**slope).real)


def _stretched(values: NDArray[np.float64]) -> Picture:
    low, high = values.min(), values.max()
    return ((values - low) / (high - low) * 255).astype(np.uint8)


def _empty() -> Iterator[tuple[str, Picture]]:
    for grey in (0, 128, 255):
        yield "constant", np.full((_SIDE, _SIDE), grey, np.uint8)
    speck = np.zeros((_SIDE, _SIDE), np.uint8)
    speck[100:103, 100:103] = 255
    yield "speck", speck
    framed = np.full((_SIDE, _SIDE), 255, np.uint8)
    framed[3:-3, 3:-3] = 0
    yield "frame", framed
    half = np.zeros((_SIDE, _SIDE), np.uint8)
    half[:, _SIDE // 2 :] = 255
    yield "half", half
