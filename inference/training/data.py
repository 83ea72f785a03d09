"""Labelled images: a folder with one sub-folder a class, or a CSV manifest; and their tensors in memory."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.errors import DataError, ImageError
from inference.files import files_below, folders_in
from inference.formats import Pixels, read_image
from inference.preprocessing import letterbox, to_tensor
from inference.training.progress import Progress, silent

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Sample:
    """One labelled image. None where the manifest has no such column or the row no such value.

    group: patient or exam; never on both sides of a split. slice_id: copies of one slice share it.
    first_of_slice: one image a slice. box: lesion x0, y0, x1, y1 as shares of width and height.
    """

    path: Path
    label: str
    group: str | None = None
    fold: int | None = None
    slice_id: str | None = None
    first_of_slice: bool | None = None
    box: Box | None = None


def read_samples(directory: Path, manifest: Path | None, class_codes: Sequence[str]) -> list[Sample]:
    """List the labelled images below `directory`, in a stable order.

    Raises DataError data_missing or data_invalid, also for a label that is not among `class_codes`.
    """
    if not directory.is_dir():
        raise DataError("data_missing", f"There is no such folder. Received {directory.name!r}.")
    samples = _from_manifest(directory, manifest) if manifest else _from_folders(directory)
    if not samples:
        raise DataError("data_missing", "The data have no labelled images. Received 0 images.")
    unknown = sorted({sample.label for sample in samples} - set(class_codes))
    if unknown:
        raise DataError(
            "data_invalid",
            f"The network knows the classes {', '.join(class_codes)} only. Received {', '.join(unknown)}.",
        )
    return samples


def read_pixels(sample: Sample) -> tuple[Pixels, str]:
    """Return a sample's pixels and its file's SHA-256. Raises DataError data_invalid naming what is wrong."""
    try:
        data = sample.path.read_bytes()
        return read_image(data).pixels, hashlib.sha256(data).hexdigest()
    except OSError as error:
        raise DataError("data_missing", f"An image is missing. Received {sample.path.name!r}.") from error
    except ImageError as error:
        raise DataError("data_invalid", f"{error.message} Received {sample.path.name!r}.") from error


@dataclass(frozen=True, eq=False)
class Tensors:
    """Images in memory. images: float16 (N, S, S, 1) in [0, 1]; labels: int64 (N,); digest: of files and
    labels. boxes: float32 (N, 4), lesion x0, y0, x1, y1 in shares of the padded square, NaN where none is
    marked.
    """

    images: NDArray[np.float16]
    labels: NDArray[np.int64]
    digest: str
    boxes: NDArray[np.float32]


def load_tensors(
    samples: Sequence[Sample],
    class_codes: Sequence[str],
    size: int,
    progress: Progress = silent,
) -> Tensors:
    """Decode and prepare all samples once. progress: told how many of how many are done."""
    images = np.zeros((len(samples), size, size, 1), np.float16)
    boxes = np.full((len(samples), 4), np.nan, np.float32)
    digest = hashlib.sha256()
    for index, sample in enumerate(samples):
        pixels, sha256 = read_pixels(sample)
        images[index] = to_tensor(pixels, size)
        if sample.box is not None:
            boxes[index] = box_in_square(sample.box, pixels.shape)
        digest.update(f"{sha256} {sample.label}\n".encode())
        progress(index + 1, len(samples))
    labels = np.array([class_codes.index(sample.label) for sample in samples], np.int64)
    return Tensors(images, labels, digest.hexdigest(), boxes)


def box_in_square(box: Box, shape: tuple[int, ...]) -> Box:
    """Turn shares of an image of `shape` (H, W, ...) into shares of the square that tensor and maps cover."""
    height, width = shape[:2]
    place = letterbox(width, height)
    x0, y0, x1, y1 = box
    return (
        (place.left + x0 * width) / place.side,
        (place.top + y0 * height) / place.side,
        (place.left + x1 * width) / place.side,
        (place.top + y1 * height) / place.side,
    )


def _from_folders(directory: Path) -> list[Sample]:
    return [Sample(path, folder.name) for folder in folders_in(directory) for path in files_below(folder)]


def _from_manifest(directory: Path, manifest: Path) -> list[Sample]:
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("data_missing", f"There is no such manifest. Received {manifest.name!r}.") from error
    try:
        return [_sample(directory, row) for row in rows]
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise DataError(
            "data_invalid",
            f"The manifest needs the columns path and label, and numbers in the others. Received {error}.",
        ) from error


def _sample(directory: Path, row: dict[str, str]) -> Sample:
    corners = [row.get(name) or "" for name in ("x0", "y0", "x1", "y1")]
    first = row.get("first_of_slice")
    return Sample(
        path=directory / row["path"],
        label=row["label"],
        group=row.get("group") or None,
        fold=int(row["fold"]) if row.get("fold") else None,
        slice_id=row.get("slice") or None,
        first_of_slice=first == "1" if first else None,
        box=_box(corners) if all(corners) else None,
    )


def _box(corners: Sequence[str]) -> Box:
    x0, y0, x1, y1 = (float(corner) for corner in corners)
    return x0, y0, x1, y1
