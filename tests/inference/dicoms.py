"""DICOM files made in memory: one builder whose every element a test may replace."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage, generate_uid

STUDY, SERIES = "1.2.826.0.1.3680043.8.498.1", "1.2.826.0.1.3680043.8.498.2"
PIXELS = "PixelData"


def ramp(height: int = 40, width: int = 48, top: int = 4000) -> np.ndarray:
    """uint16 (H, W): no two pixels alike in a row or column, none mirrored onto itself."""
    return (np.arange(height * width).reshape(height, width) * top // (height * width)).astype(np.uint16)


def dataset(pixels: np.ndarray, **elements: Any) -> FileDataset:
    """An MR picture of these stored values; `elements` replace or add, None takes away."""
    made = FileDataset(None, {}, file_meta=FileMetaDataset(), preamble=bytes(128))
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = MRImageStorage
    made.SOPClassUID, made.SOPInstanceUID = MRImageStorage, generate_uid()
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.StudyInstanceUID, made.SeriesInstanceUID = STUDY, SERIES
    made.PatientID, made.PatientName, made.Modality = "P1", "Doe^Jane", "MR"
    made.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    height, width = pixels.shape[-2:] if pixels.shape[-1] != 3 else pixels.shape[-3:-1]
    made.Rows, made.Columns = height, width
    made.SamplesPerPixel = 3 if pixels.shape[-1] == 3 else 1
    made.PhotometricInterpretation = "RGB" if made.SamplesPerPixel == 3 else "MONOCHROME2"
    if made.SamplesPerPixel == 3:
        made.PlanarConfiguration = 0
    made.BitsAllocated = made.BitsStored = 8 * pixels.dtype.itemsize
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    made.add_new(0x7FE00010, "OW", pixels.tobytes() + b"\0" * (pixels.nbytes % 2))
    for name, value in elements.items():
        if value is None:
            del made[name]
        else:
            setattr(made, name, value)
    return made


def written(made: Dataset, **options: Any) -> bytes:
    stream = io.BytesIO()
    made.save_as(stream, enforce_file_format=not options, **options)
    return stream.getvalue()


def dicom(pixels: np.ndarray, **elements: Any) -> bytes:
    return written(dataset(pixels, **elements))


def in_space(
    right: tuple[float, ...], down: tuple[float, ...], position: tuple[float, ...] = (0, 0, 0)
) -> dict:
    """The elements of a slice there, 1 mm a pixel."""
    return {
        "ImageOrientationPatient": [*right, *down],
        "ImagePositionPatient": list(position),
        "PixelSpacing": [1, 1],
        "SliceThickness": 3,
    }


def compressed(
    pixels: np.ndarray, syntax: UID, frames: Iterable[bytes | bytearray], **elements: Any
) -> bytes:
    """A file of codestreams that the test made itself."""
    made = dataset(pixels, **elements)
    made.file_meta.TransferSyntaxUID = syntax
    made.PixelData = encapsulate([bytes(frame) for frame in frames])
    made[PIXELS].VR = "OB"
    made[PIXELS].is_undefined_length = True
    return written(made)


def item(**elements: Any) -> Dataset:
    made = Dataset()
    for name, value in elements.items():
        setattr(made, name, value)
    return made


def sequence(**elements: Any) -> Sequence:
    return Sequence([item(**elements)])


def table(entries: list[int], first: int, bits: int, signed: bool = False) -> Sequence:
    """A lookup table as the sequence that DICOM wants."""
    made = Dataset()
    made.add_new(0x00283002, "SS" if signed else "US", [len(entries) % 65536, first, bits])
    made.add_new(0x00283006, "OW", np.array(entries, "<u2").tobytes())
    return Sequence([made])
