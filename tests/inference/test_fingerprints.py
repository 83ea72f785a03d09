from __future__ import annotations

import csv
import io
import os
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.errors import ManifestError
from inference.fingerprints import (
    BITS,
    MAX_DISTANCE,
    FingerprintSet,
    distances,
    fingerprint,
    hash_picture,
    mirrored,
)
from inference.formats import read_image
from tests.inference.images import saved

DATA = os.environ.get("SECONDREAD_DATA")


def picture(seed: int = 0, side: int = 96):
    """uint8 (side, side): smooth random structures, as different between seeds as two heads are."""
    coarse = np.random.default_rng(seed).uniform(0, 255, (12, 12)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)).copy()


def again(pixels, **options):
    return read_image(saved(Image.fromarray(pixels), **options)).pixels


ALTERED = {
    "mirrored": lambda pixels: pixels[:, ::-1],
    "saved as JPEG of quality 30": lambda pixels: again(pixels, file_format="JPEG", quality=30),
    "enlarged to 512": lambda pixels: np.asarray(Image.fromarray(pixels).resize((512, 512))),
    "flatter": lambda pixels: np.rint(40 + 0.5 * pixels).astype(np.uint8),
    "of another gamma": lambda pixels: np.rint(255 * (pixels / 255) ** 1.4).astype(np.uint8),
    "in 16 bits": lambda pixels: pixels.astype(np.uint16) * 16,
    "in three channels": lambda pixels: np.stack([pixels] * 3, axis=-1),
}


@pytest.mark.parametrize("change", ALTERED.values(), ids=ALTERED.keys())
def test_set_with_altered_copy_contains_it(change):
    training = FingerprintSet.of([fingerprint(picture(seed)) for seed in range(20)])

    assert training.contains(change(picture(7)))


def test_set_with_other_pictures_does_not_contain_it():
    training = FingerprintSet.of([fingerprint(picture(seed)) for seed in range(200)])

    assert min(training.nearest(picture(seed)) for seed in range(200, 260)) > MAX_DISTANCE + 20


def test_hash_of_mirror_image_is_the_two_exchanged():
    tensor = np.random.default_rng(3).random((64, 64), np.float32)

    assert np.array_equal(hash_picture(np.ascontiguousarray(tensor[:, ::-1])), hash_picture(tensor)[::-1])


def test_fingerprint_of_constant_picture_is_zero():
    assert fingerprint(np.full((64, 64), 90, np.uint8))[0].tolist() == [0, 0, 0, 0]


def test_distance_is_the_same_whichever_picture_is_mirrored():
    one, other = fingerprint(picture(1)), fingerprint(picture(2))

    assert distances(one[0], other[1:])[0] == distances(other[0], one[1:])[0]
    assert np.array_equal(mirrored(mirrored(one)), one)


def test_distances_count_the_bits_that_differ():
    one = np.array([0, 0b1011, 0, 2**64 - 1], np.uint64)
    many = np.array([[0, 0b1011, 0, 2**64 - 1], [1, 0b1000, 0, 0]], np.uint64)

    assert distances(one, many).tolist() == [0, 1 + 2 + 64]


def test_set_of_copies_keeps_each_picture_once():
    pictures = [picture(1), picture(1)[:, ::-1], picture(2)]

    assert len(FingerprintSet.of([fingerprint(pixels) for pixels in pictures]).hashes) == 2


def test_empty_set_contains_nothing():
    empty = FingerprintSet.of([])

    assert (empty.nearest(picture()), empty.contains(picture())) == (BITS, False)


def test_set_from_manifest_is_the_set_that_was_written():
    training = FingerprintSet.of([fingerprint(picture(seed)) for seed in range(5)], max_distance=9)

    field = training.as_manifest()
    read = FingerprintSet.from_manifest(field)

    assert {key: field[key] for key in ("algorithm", "count", "max_distance")} == {
        "algorithm": "dct-sign-256-v1",
        "count": 5,
        "max_distance": 9,
    }
    assert np.array_equal(read.hashes, training.hashes)
    assert read.max_distance == 9


@pytest.mark.parametrize(
    "wrong",
    [{"algorithm": "md5"}, {"count": 4}, {"hashes": "a"}, {"hashes": "AAAA"}, {"hashes": "?"}],
    ids=["algorithm", "count", "base64", "length", "alphabet"],
)
def test_set_from_damaged_manifest_is_refused(wrong):
    field = FingerprintSet.of([fingerprint(picture())]).as_manifest()

    with pytest.raises(ManifestError) as refused:
        FingerprintSet.from_manifest({**field, **wrong})

    assert refused.value.code == "manifest_invalid"


def test_match_of_six_thousand_takes_less_than_five_milliseconds():
    hashes = np.random.default_rng(0).integers(0, 2**64, (6000, 4), np.uint64)
    one = hashes[17]

    best = min(_seconds(lambda: distances(one, hashes).argmin()) for _ in range(20))

    assert best < 0.005


def _seconds(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


@pytest.mark.skipif(not DATA, reason="SECONDREAD_DATA does not name the labelled slices")
def test_measured_rates_on_labelled_slices_hold():
    """The figures of the module: copies found, foreign patients not flagged, on every fourth slice."""
    root = Path(DATA)
    with (root / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if int(row["slice"][1:]) % 4 == 0]
    both = np.stack([fingerprint(read_image((root / row["path"]).read_bytes()).pixels) for row in rows])
    slices, groups = (np.array([row[key] for row in rows]) for key in ("slice", "group"))
    nearest = np.stack([np.minimum(*(distances(one, both[:, 0]) for one in pair)) for pair in both])
    np.fill_diagonal(nearest, BITS)
    copy = slices[:, None] == slices
    np.fill_diagonal(copy, False)

    to_copy = np.where(copy, nearest, BITS).min(1)[copy.any(1)]
    to_other_group = np.where(groups[:, None] != groups, nearest, BITS).min(1)

    assert len(to_copy) > 1000
    assert np.mean(to_copy <= MAX_DISTANCE) >= 0.99
    assert np.mean(to_other_group <= MAX_DISTANCE) < 0.005


@pytest.mark.skipif(not DATA, reason="SECONDREAD_DATA does not name the labelled slices")
def test_real_slice_saved_again_is_found():
    path = min((Path(DATA) / "images" / "glioma").iterdir())
    pixels = read_image(path.read_bytes()).pixels
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert("L").resize((180, 180)).save(buffer, format="JPEG", quality=60)

    training = FingerprintSet.of([fingerprint(pixels)])

    assert training.contains(read_image(buffer.getvalue()).pixels[:, ::-1])
