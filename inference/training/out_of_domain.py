"""Pictures that are no brain MR slices, for measuring the input gate: what development packages carry, what
can be drawn, and what a hospital has of its own.

scikit-image, scikit-learn, matplotlib and pydicom ship these files in their wheels; nothing is downloaded and
nothing is copied into this repository. Brain MR files of pydicom, and those that may be one, are left out.
There is no chest film among them: pydicom's are cut to 16 x 16 pixels.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.errors import DataError, ImageError
from inference.formats import DecodedImage, Pixels, read_images
from inference.training.drawn import drawn

_PICTURES: dict[str, dict[str, tuple[str, ...]]] = {
    "photo": {
        "skimage": (
            "astronaut.png",
            "camera.png",
            "chelsea.png",
            "clock_motion.png",
            "coffee.png",
            "coins.png",
            "hubble_deep_field.jpg",
            "moon.png",
            "motorcycle_left.png",
            "rocket.jpg",
        ),
        "sklearn": ("china.jpg", "flower.jpg"),
        "matplotlib": ("grace_hopper.jpg",),
    },
    "texture": {"skimage": ("brick.png", "grass.png", "gravel.png")},
    "microscopy": {"skimage": ("cell.png", "ihc.png")},
    "text": {"skimage": ("page.png", "text.png")},
    "drawing": {
        "skimage": ("chessboard_GRAY.png", "color.png", "horse.png", "logo.png", "phantom.png"),
        "pydicom": ("SC_rgb_dcmtk_+eb+cr.dcm", "image_dfl.dcm"),
    },
    "other_modality": {
        "skimage": ("microaneurysms.png", "retina.jpg"),
        "pydicom": (
            "CT_small.dcm",
            "ExplVR_BigEnd.dcm",
            "JPEG2000.dcm",
            "examples_jpeg2k.dcm",
            "examples_overlay.dcm",
            "examples_palette.dcm",
            "examples_ybr_color.dcm",
            "liver_1frame.dcm",
        ),
    },
    # Apart from the other modalities: the training images themselves hold slices that look like CT.
    "head_ct": {"pydicom": ("693_J2KI.dcm", "J2K_pixelrep_mismatch.dcm")},
}

_FOLDERS = {
    "skimage": "data",
    "sklearn": "datasets/images",
    "matplotlib": "mpl-data/sample_data",
    "pydicom": "data/test_files",
}

# A crop shows a part of what its source shows; half of a side is enough to be a picture of its own.
_CROP = 0.5
_SMALLEST_SIDE = 64


@dataclass(frozen=True, eq=False)
class OutOfDomain:
    """One picture that is no brain MR slice. kind: as in the report; source: pictures cut from or drawn
    like one another share it; they are not independent.
    """

    kind: str
    source: str
    pixels: Pixels


def out_of_domain_pictures(own: Path | None = None) -> list[OutOfDomain]:
    """Return all out-of-domain pictures, the same on every call with the same versions of the packages.

    own: a folder of further ones, as `pictures_in` reads it. Raises DataError packages_missing, or as that.
    """
    # First, so that a mistyped folder is told at once.
    others = pictures_in(own) if own else []
    shipped = [
        OutOfDomain(kind, name, variant)
        for kind, packages in _PICTURES.items()
        for package, names in packages.items()
        for name in names
        for variant in _variants(_read(_folder(package) / name))
    ]
    return [*shipped, *(OutOfDomain(*each) for each in drawn()), *others]


def pictures_in(directory: Path) -> list[OutOfDomain]:
    """Return every picture of the files in `directory`, whose folders name their kinds: `chest film/a.dcm`.

    Files of every format that the portal takes. A file is a source, or a folder of files that are alike, as
    those of one patient in `chest CT/patient 1/`.
    Raises DataError data_missing where there is none, data_invalid where one cannot be read.
    """
    found = [
        OutOfDomain(kind.name, "/".join(path.relative_to(directory).parts[:2]), image.pixels)
        for kind in sorted(directory.iterdir() if directory.is_dir() else ())
        if kind.is_dir()
        for path in sorted(kind.rglob("*"))
        # What systems leave in folders begins with a dot, as does .DS_Store.
        if path.is_file() and not path.name.startswith(".")
        for image in _images(path)
    ]
    if not found:
        raise DataError(
            "data_missing",
            "Pictures that are no brain MR slices lie in folders that name their kinds, as chest-film/a.dcm. "
            f"Received none in {directory.name!r}.",
        )
    return found


def _images(path: Path) -> Iterator[DecodedImage]:
    try:
        yield from read_images(path.read_bytes())
    except ImageError as error:
        raise DataError("data_invalid", f"{error.message} Received {path.name!r}.") from error


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise DataError(
            "packages_missing",
            "The out-of-domain pictures come with the packages of requirements-dev.txt. "
            f"Received no {package}.",
        )
    return Path(spec.origin).parent / _FOLDERS[package]


def _read(path: Path) -> Pixels:
    try:
        return _dicom(path) if path.suffix == ".dcm" else _picture(path)
    except OSError as error:
        raise DataError(
            "packages_missing", f"A package no longer ships this picture. Received no {path.name!r}."
        ) from error


def _picture(path: Path) -> Pixels:
    with Image.open(path) as image:
        grey = image.mode in {"L", "1"}
        return np.asarray(image.convert("L" if grey else "RGB"))


def _dicom(path: Path) -> Pixels:
    """The first frame; signed values are moved to start at 0, which the tensor's window does not notice."""
    import pydicom
    from pydicom.pixels.processing import apply_color_lut
    from pydicom.pixels.utils import pixel_array

    with warnings.catch_warnings():
        # Some of these files break the standard on purpose.
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path)
        frame = pixel_array(dataset, index=0)
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            frame = (apply_color_lut(frame, dataset) >> 8).astype(np.uint8)
    if frame.dtype == np.uint8:
        return frame
    return (frame.astype(np.int64) - int(frame.min())).astype(np.uint16)


def _variants(pixels: Pixels) -> Iterator[Pixels]:
    """The picture, its middle and corners, its negative, and an oval of it on black, as a head stands."""
    yield pixels
    if min(pixels.shape[:2]) >= 2 * _SMALLEST_SIDE:
        yield from _crops(pixels)
    yield np.iinfo(pixels.dtype).max - pixels
    yield _oval(pixels)


def _crops(pixels: Pixels) -> Iterator[Pixels]:
    height, width = (int(side * _CROP) for side in pixels.shape[:2])
    free_y, free_x = pixels.shape[0] - height, pixels.shape[1] - width
    for y, x in ((0.5, 0.5), (0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)):
        top, left = int(free_y * y), int(free_x * x)
        yield pixels[top : top + height, left : left + width]


def _oval(pixels: Pixels) -> Pixels:
    rows, columns = (np.linspace(-1.0, 1.0, side) for side in pixels.shape[:2])
    inside: NDArray[np.bool_] = (rows[:, None] / 0.9) ** 2 + (columns / 0.75) ** 2 <= 1.0
    return pixels * (inside if pixels.ndim == 2 else inside[:, :, None])
