"""Copies of a picture are alike, whatever was done to them on the way; other pictures are not."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.fingerprints import BITS, MAX_DISTANCE, distances
from inference.formats import read_image
from inference.likeness import (
    BANDS,
    PIECE_BITS,
    _bits_of,
    _packed,
    _positions,
    _words_of,
    alike,
    likeness_of,
    pieces_in_any_position,
    pieces_of,
)
from tests.inference.images import head, saved

DATA = os.environ.get("SECONDREAD_DATA")


def as_jpeg(pixels, quality: int = 60):
    return read_image(saved(Image.fromarray(pixels), file_format="JPEG", quality=quality)).pixels


def sized(pixels, width: int, height: int):
    return np.asarray(Image.fromarray(pixels).resize((width, height)))


ALTERED = {
    "saved as JPEG of quality 30": lambda pixels: as_jpeg(pixels, 30),
    "half the size": lambda pixels: sized(pixels, 100, 100),
    "enlarged": lambda pixels: sized(pixels, 340, 340),
    "squeezed": lambda pixels: sized(pixels, 240, 180),
    "brighter": lambda pixels: np.clip(pixels * 1.1 + 12, 0, 255).astype(np.uint8),
    "of another gamma": lambda pixels: (255 * (pixels / 255) ** 0.8).astype(np.uint8),
    "cropped by its border": lambda pixels: pixels[9:-12, 14:-7],
    "in a black border": lambda pixels: np.pad(pixels, 30),
    "in a white border": lambda pixels: np.pad(pixels, 8, constant_values=255),
    "mirrored": lambda pixels: pixels[:, ::-1],
    "upside down": lambda pixels: pixels[::-1],
    "turned by a quarter": np.rot90,
    "in 16 bits": lambda pixels: pixels.astype(np.uint16) * 200,
    "in three channels": lambda pixels: np.stack([pixels] * 3, axis=-1),
    "all at once": lambda pixels: as_jpeg(
        np.clip(sized(pixels[4:-4, 4:-4], 150, 150)[:, ::-1] * 1.08 + 5, 0, 255).astype(np.uint8)
    ),
}


@pytest.mark.parametrize("change", ALTERED.values(), ids=ALTERED.keys())
def test_altered_copy_is_found_by_a_piece_and_alike(change):
    stored, copy = likeness_of(head(3)), likeness_of(np.ascontiguousarray(change(head(3))))

    assert set(pieces_in_any_position(copy)) & set(pieces_of(stored))
    assert alike(copy, [stored]) == alike(stored, [copy]) == [True]


def test_other_pictures_are_not_alike():
    assert not any(alike(likeness_of(head(0)), [likeness_of(head(seed)) for seed in range(1, 40)]))


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((50, 60), np.uint8), np.full((5, 6), 900, np.uint16), np.full((1, 1, 3), 7, np.uint8)],
    ids=["black", "one grey", "one pixel"],
)
def test_picture_that_shows_nothing_has_no_likeness(pixels):
    assert likeness_of(pixels) == ""


@pytest.mark.parametrize("shape", [(1, 300), (3, 4), (2000, 3), (30, 30, 3)])
def test_picture_of_any_shape_has_a_likeness_of_64_digits_or_none(shape):
    pixels = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)

    assert len(likeness_of(pixels)) in (0, 64)


def test_nothing_is_alike_to_none():
    assert alike(likeness_of(head()), []) == []


def test_pieces_name_their_place_and_fit_an_integer():
    pieces = pieces_of(likeness_of(head()))

    assert [piece >> PIECE_BITS for piece in pieces] == list(range(BANDS))
    assert set(pieces) <= set(pieces_in_any_position(likeness_of(head())))
    assert max(pieces) < 2**31


@pytest.mark.skipif(not DATA, reason="SECONDREAD_DATA does not name the labelled slices")
@pytest.mark.slow
def test_measured_rates_on_labelled_slices_hold():
    """The figures of the module, on every fourth slice: altered copies found, no foreign patient alike."""
    root = Path(DATA)
    with (root / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if int(row["first_of_slice"])][::4]
    pictures = [read_image((root / row["path"]).read_bytes()).pixels for row in rows]
    hashes = [likeness_of(pixels) for pixels in pictures]
    words, groups = np.stack([_words_of(each) for each in hashes]), np.array([row["group"] for row in rows])

    foreign = 0
    for place, likeness in enumerate(hashes):
        near = np.full(len(words), BITS)
        for bits in _positions(_bits_of(likeness)):
            near = np.minimum(near, distances(_packed(bits), words))
        # Copies that the list gives to two patients are nearly equal; two patients are farther apart.
        foreign += int(
            ((near > MAX_DISTANCE // 2) & (near <= MAX_DISTANCE) & (groups != groups[place])).sum()
        )
    again = [likeness_of(as_jpeg(pixels[4:-4, 4:-4])) for pixels in pictures[:100]]
    found = [alike(copy, [stored])[0] for copy, stored in zip(again, hashes, strict=False)]

    assert foreign < len(rows) / 50
    assert np.mean(found) > 0.95
