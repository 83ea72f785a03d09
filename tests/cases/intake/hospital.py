"""Hospital files made in memory: series of small slices, each with pixels of its own."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import nibabel as nib
import numpy as np
from django.core.files.base import ContentFile

from tests.inference.dicoms import dicom, in_space

AXIAL = ((1, 0, 0), (0, 1, 0))


def slice_pixels(seed: int) -> np.ndarray:
    """uint16 (40, 48): noise, another one of each seed."""
    return np.random.default_rng(seed).integers(0, 4000, (40, 48)).astype(np.uint16)


def slice_file(z: float, *, seed: int | None = None, plane: Any = AXIAL, **elements: Any) -> bytes:
    """An MR slice at this height."""
    place = in_space(plane[0], plane[1], (0, 0, z))
    pixels = slice_pixels(int(z * 10) + 7 if seed is None else seed)
    return dicom(pixels, **place | {"BitsStored": 12, "HighBit": 11} | elements)


def files(*datas: bytes) -> list[ContentFile[bytes]]:
    return [ContentFile(data) for data in datas]


def zipped(entries: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return stream.getvalue()


def four_dimensional(volumes: int = 3) -> bytes:
    """A NIfTI file of three slices a volume: each voxel its own index, and 1,000 more in each volume."""
    values = np.arange(40 * 44 * 3).reshape(40, 44, 3)
    stack = np.stack([values + 1000 * number for number in range(volumes)], axis=3)
    data: bytes = nib.Nifti1Image(stack.astype(np.uint16), np.diag([-1, -1, 3, 1])).to_bytes()
    return data
