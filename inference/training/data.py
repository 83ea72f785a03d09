"""Labelled images: a folder with one sub-folder a class, or a CSV manifest; and their tensors in memory."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.contradictions import Labels, pixel_digest
from inference.errors import DataError, ImageError
from inference.files import Tell, files_by_class, readable
from inference.files import silent as tell_nobody
from inference.formats import Pixels, read_image
from inference.image_list import ListedImage, read_image_list
from inference.preprocessing import PREPROCESSING_ID, Letterbox, to_tensor_and_square
from inference.training.progress import Progress, silent

Box = tuple[float, float, float, float]

_TRUTHS = {
    "1": True,
    "1.0": True,
    "true": True,
    "yes": True,
    "0": False,
    "0.0": False,
    "false": False,
    "no": False,
}


@dataclass(frozen=True)
class Sample:
    """One labelled image. None where the manifest has no such column or the row no such value.

    group: patient or exam; never on both sides of a split. slice_id: copies of one slice share it.
    first_of_slice: one image a slice. box: lesion x0, y0, x1, y1 as shares of width and height. place: where
    the manifest names it, for errors.
    """

    path: Path
    label: str
    group: str | None = None
    fold: int | None = None
    slice_id: str | None = None
    first_of_slice: bool | None = None
    box: Box | None = None
    place: str = field(default="", compare=False)


def read_samples(
    directory: Path, manifest: Path | None, class_codes: Sequence[str], tell: Tell = tell_nobody
) -> list[Sample]:
    """List the labelled images below `directory`, in a stable order. tell: hears what is left out.

    Raises DataError data_missing or data_invalid, also for a label that is not among `class_codes`.
    """
    if not directory.is_dir():
        raise DataError("data_missing", f"There is no such folder. Received {directory.name!r}.")
    samples = _from_manifest(directory, manifest, tell) if manifest else _from_folders(directory, tell)
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
        raise DataError(
            "data_missing",
            f"An image is missing; put it there, or take it out of the list. Received {_called(sample)}.",
        ) from error
    except ImageError as error:
        raise DataError("data_invalid", f"{error.message} Received {_called(sample)}.") from error


def refuse_contradictions(samples: Sequence[Sample], directory: Path) -> None:
    """Raise DataError data_invalid, with both places, where the same bytes or pixels have two labels."""
    labels = Labels()
    for sample in samples:
        pixels, sha256 = read_pixels(sample)
        name = str(sample.path.relative_to(directory))
        labels.add(name, sample.label, [sha256, pixel_digest(pixels)])
    labels.refuse_contradictions()


def _called(sample: Sample) -> str:
    """The image as an error names it."""
    return repr(readable(sample.path.name)) + (f", {sample.place}" if sample.place else "")


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
    *,
    preprocessing: str = PREPROCESSING_ID,
) -> Tensors:
    """Decode and prepare all samples once. progress: told how many of how many are done.

    preprocessing: as `to_tensor` takes it. Raises DataError.
    """
    images = np.zeros((len(samples), size, size, 1), np.float16)
    boxes = np.full((len(samples), 4), np.nan, np.float32)
    digest = hashlib.sha256()
    for index, sample in enumerate(samples):
        pixels, sha256 = read_pixels(sample)
        images[index], square = to_tensor_and_square(pixels, size, preprocessing)
        if sample.box is not None:
            boxes[index] = box_in_square(sample.box, pixels.shape, square)
        digest.update(f"{sha256} {sample.label}\n".encode())
        progress(index + 1, len(samples))
    labels = np.array([class_codes.index(sample.label) for sample in samples], np.int64)
    return Tensors(images, labels, digest.hexdigest(), boxes)


def box_in_square(box: Box, shape: tuple[int, ...], place: Letterbox) -> Box:
    """Turn shares of an image of `shape` (H, W, ...) into shares of the square that tensor and maps cover."""
    height, width = shape[:2]
    x0, y0, x1, y1 = box
    return (
        (place.left + x0 * width) / place.side,
        (place.top + y0 * height) / place.side,
        (place.left + x1 * width) / place.side,
        (place.top + y1 * height) / place.side,
    )


def _from_folders(directory: Path, tell: Tell) -> list[Sample]:
    return [Sample(path, label) for path, label in files_by_class(directory, tell)]


def _from_manifest(directory: Path, manifest: Path, tell: Tell) -> list[Sample]:
    listed = read_image_list(manifest, directory)
    for notice in listed.notices:
        tell(notice)
    return [_sample(image) for image in listed.images]


def _sample(image: ListedImage) -> Sample:
    fold = image.number("fold", _whole)
    return Sample(
        path=image.path,
        label=image.label,
        group=image.values.get("group"),
        fold=None if fold is None else int(fold),
        slice_id=image.values.get("slice"),
        first_of_slice=_first_of_slice(image),
        box=_box(image),
        place=image.place,
    )


def _first_of_slice(image: ListedImage) -> bool | None:
    value = image.values.get("first_of_slice")
    if value is None:
        return None
    if (truth := _TRUTHS.get(value.lower())) is None:
        raise DataError(
            "data_invalid", f"{image.place}: first_of_slice is 1 or 0; give one of them. Received {value!r}."
        )
    return truth


def _box(image: ListedImage) -> Box | None:
    corners = [image.number(name, _finite) for name in ("x0", "y0", "x1", "y1")]
    x0, y0, x1, y1 = corners
    # Written out, because only so does the type checker see that none is None.
    if x0 is None or y0 is None or x1 is None or y1 is None:
        return None
    return x0, y0, x1, y1


def _whole(text: str) -> int:
    """The whole number, also where a program wrote it as 2.0. Raises ValueError."""
    value = _finite(text)
    if not value.is_integer():
        raise ValueError(text)
    return int(value)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value
