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
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSNearLossless,
    RLELossless,
)

from inference.errors import ImageError
from inference.formats.base import Limits
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
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
# The frame headers of JPEG (ITU-T T.81, table B.1), and of JPEG-LS (T.87).
_BY_FRAME_HEADER = {
    0xC0: JPEGBaseline8Bit,
    0xC1: JPEGExtended12Bit,
    0xC3: JPEGLosslessSV1,
    0xF7: JPEGLSNearLossless,
}


def dataset_of(data: bytes, limits: Limits) -> Dataset:
    """Return the dataset, with a transfer syntax that its pixels can be decoded by.

    A deflated one is measured before it is unpacked. Raises ImageError unpacks_to_too_much, and whatever
    pydicom raises of damaged ones.
    """
    if data.startswith(MAGIC):
        data = bytes(PREAMBLE) + data
    if deflated := _deflated_part(data):
        meta, packed = deflated
        check_unpacked(packed, limits, wbits=-zlib.MAX_WBITS)
        # Some writers leave out the last block's end, which decompress() would not forgive.
        plain = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed)
        dataset = read_dataset(io.BytesIO(plain), is_implicit_VR=False, is_little_endian=True)
        dataset.file_meta = FileMetaDataset(meta)
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        return dataset
    dataset = dcmread(io.BytesIO(data), force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = _guessed_syntax(dataset)
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
    if "MOSAIC" in [str(value).upper() for value in _many(dataset.get("ImageType"))]:
        raise ImageError(
            "mosaic",
            "This DICOM file is a Siemens mosaic: many slices side by side in one picture. "
            "Please export the series as single slices or as Enhanced MR.",
        )


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
        return _of_codestream(dataset.PixelData)
    if not is_little:
        return ExplicitVRBigEndian
    return ImplicitVRLittleEndian if is_implicit else ExplicitVRLittleEndian


def _of_codestream(encapsulated: bytes) -> UID:
    if (at := encapsulated.find(b"\xff\x4f\xff\x51", 0, 4096)) >= 0:
        return JPEG2000
    at = encapsulated.find(b"\xff\xd8\xff", 0, 4096)
    while 0 <= at < len(encapsulated) - 4:
        kind = encapsulated[at + 3] if encapsulated[at + 2] == 0xFF else 0
        if kind in _BY_FRAME_HEADER:
            return _BY_FRAME_HEADER[kind]
        at += 2 + int.from_bytes(encapsulated[at + 4 : at + 6], "big")
    return RLELossless
