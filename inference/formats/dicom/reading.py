"""From bytes to a dataset, with limits before anything is unpacked, and to what it may hold."""

from __future__ import annotations

import io
import logging
import zlib
from typing import Any

from pydicom import config, dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from inference.errors import ImageError
from inference.formats.base import Limits
from inference.formats.dicom import codestreams
from inference.formats.dicom.recognition import MAGIC, PREAMBLE
from inference.formats.packed import check_unpacked
from inference.formats.pillow import check_size, too_many_images

# What is wrong with a value is no reason to refuse the picture; and pydicom's sentences quote values, so
# that they go nowhere.
config.settings.reading_validation_mode = config.IGNORE
_log = logging.getLogger("pydicom")
_log.propagate = False
_log.addHandler(logging.NullHandler())

_DIRECTORY = "1.2.840.10008.1.3.10"
# By modality (PS3.3, C.7.3.1.1.1): objects that are none, or no picture of the patient.
_OTHER_OBJECTS = {
    "SR": "structured report",
    "KO": "key object selection",
    "PR": "presentation state",
    "RTSTRUCT": "radiotherapy structure set",
    "RTPLAN": "radiotherapy plan",
    "RTDOSE": "radiotherapy dose",
    "RTRECORD": "radiotherapy record",
    "SEG": "segmentation",
    "REG": "registration",
    "FID": "list of fiducials",
    "RWV": "list of real world values",
    "DOC": "document",
    "ECG": "electrocardiogram",
    "AU": "sound",
    "PLAN": "plan",
}
# Whose block it is, and in it NumberOfImagesInMosaic, which only mosaics have.
_SIEMENS_BLOCK, _SIEMENS_SLICES = (0x0019, 0x0010), (0x0019, 0x100A)
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def dataset_of(data: bytes, limits: Limits) -> Dataset:
    """Return the dataset, with a transfer syntax that its pixels can be decoded by.

    A deflated one is measured before it is unpacked. Raises ImageError unpacks_to_too_much, and whatever
    pydicom raises of damaged ones.
    """
    if data.startswith(MAGIC):
        data = bytes(PREAMBLE) + data
    if deflated := _deflated_part(data):
        meta, packed = deflated
        # Some write a head of zlib's (RFC 1950), which PS3.5 does not have.
        has_head = packed[:1] == b"\x78" and int.from_bytes(packed[:2], "big") % 31 == 0
        wbits = zlib.MAX_WBITS if has_head else -zlib.MAX_WBITS
        check_unpacked(packed, limits, wbits=wbits)
        # Some writers leave out the last block's end, which decompress() would not forgive.
        plain = zlib.decompressobj(wbits).decompress(packed)
        dataset = read_dataset(io.BytesIO(plain), is_implicit_VR=False, is_little_endian=True)
        dataset.file_meta = FileMetaDataset(meta)
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        return dataset
    dataset = dcmread(io.BytesIO(data), force=True)
    if "PixelData" not in dataset and codestreams.ends_inside(data):
        # What is read to no end is left out: with one it is judged by what is there.
        dataset = dcmread(io.BytesIO(data + codestreams.DELIMITER), force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = _guessed_syntax(dataset)
    codestreams.correct_syntax(dataset)
    if "PhotometricInterpretation" in dataset:
        dataset.PhotometricInterpretation = str(dataset.PhotometricInterpretation).strip().upper()
    return dataset


def checked_frames(dataset: Dataset, limits: Limits) -> int:
    """Return how many frames there are, of sizes that may be decoded.

    Raises ImageError: dicom_directory, no_picture, mosaic, too_many_pixels, too_small, too_many_images.
    """
    _check_kind(dataset)
    height, width = int(dataset.Rows), int(dataset.Columns)
    check_size(width, height, limits)
    count = int(dataset.get("NumberOfFrames") or 1)
    if not 1 <= count <= max(limits.max_images, 2):
        raise too_many_images(count, limits)
    return count


def _check_kind(dataset: Dataset) -> None:
    if dataset.file_meta.get("MediaStorageSOPClassUID") == _DIRECTORY or "DirectoryRecordSequence" in dataset:
        raise ImageError(
            "dicom_directory",
            "This is a DICOMDIR, the list of contents of a disc. "
            "The pictures beside it are read without it; nothing needs to be done.",
        )
    modality = str(dataset.get("Modality") or "")
    kind = _OTHER_OBJECTS.get(modality)
    has_pixels = any(keyword in dataset for keyword in _PIXELS) and "Rows" in dataset and "Columns" in dataset
    if kind or not has_pixels:
        raise ImageError(
            "no_picture",
            "This DICOM file holds no picture that can be read here. Please upload the series of pictures "
            "that it belongs to. Received a %(kind)s.",
            kind=kind or "dataset without pixels",
        )
    # Siemens writes the slices of a volume side by side into one picture; its private CSA header alone tells
    # where each lies.
    if _is_mosaic(dataset):
        raise ImageError(
            "mosaic",
            "This DICOM file is a Siemens mosaic: many slices side by side in one picture. "
            "Please export the series as single slices or as Enhanced MR.",
        )


def _is_mosaic(dataset: Dataset) -> bool:
    """By its image type, or by Siemens' own header, where a program has written another type."""
    if "MOSAIC" in [str(value).upper() for value in _many(dataset.get("ImageType"))]:
        return True
    if _SIEMENS_BLOCK not in dataset or _SIEMENS_SLICES not in dataset:
        return False
    return "SIEMENS MR HEADER" in str(dataset[_SIEMENS_BLOCK].value)


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def _deflated_part(data: bytes) -> tuple[Dataset, bytes] | None:
    """The meta group and what follows it, where that is deflated (PS3.5, A.5)."""
    if data[PREAMBLE : PREAMBLE + 4] != MAGIC or DeflatedExplicitVRLittleEndian.encode() not in data[:4096]:
        return None
    stream = io.BytesIO(data)
    stream.seek(PREAMBLE + 4)
    meta = read_dataset(
        stream,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, *_: tag.group != 2,
    )
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return None
    return meta, data[stream.tell() :]


def _guessed_syntax(dataset: Dataset) -> UID:
    """Of a file that does not say: how it could be read, and what its pixels begin with."""
    is_implicit, is_little = dataset.original_encoding
    if "PixelData" in dataset and dataset["PixelData"].is_undefined_length:
        return codestreams.syntax_of(dataset.PixelData) or RLELossless
    if not is_little:
        return ExplicitVRBigEndian
    return ImplicitVRLittleEndian if is_implicit else ExplicitVRLittleEndian
