"""Whole files of every kind, made in memory: what the mutator damages."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest import mock

import imagecodecs
import numpy as np
import tifffile
from PIL import Image
from pydicom import dcmwrite, uid

from tests.inference import dicoms
from tests.inference.dicoms import compressed, dataset, dicom, in_space, item, ramp, sequence, table, written
from tests.inference.images import grey8, png_of, saved, slice_like, twelve_bit_tiff
from tests.inference.test_bmp import bmp
from tests.inference.test_dicom import enhanced
from tests.inference.test_nifti import nii, oriented, phantom

AXIAL = in_space((1, 0, 0), (0, 1, 0))


def seeds() -> dict[str, bytes]:
    """Name to content, the same for each run."""
    with mock.patch.object(dicoms, "generate_uid", return_value=uid.UID("1.2.826.0.1.3680043.8.498.3")):
        single = dict([*_pictures(), *_tiffs(), *_dicoms(), *_volumes()])
    return single | dict(_archives(single))


def _pictures() -> Iterator[tuple[str, bytes]]:
    grey = grey8(40, 48)
    colours = np.stack([grey, grey[::-1], grey], axis=-1)
    image, picture = Image.fromarray(colours), Image.fromarray(grey)
    yield "png grey", png_of(grey)
    yield "png 16 bits", png_of(slice_like(40, 48, top=65535))
    yield "png colours", png_of(colours)
    yield "png alpha", saved(image.convert("RGBA"), "PNG")
    yield "png palette", saved(image.quantize(16), "PNG")
    yield "png one bit", saved(picture.convert("1"), "PNG")
    yield "jpeg grey", saved(picture, "JPEG")
    yield "jpeg colours", saved(image, "JPEG", subsampling=2)
    yield "jpeg progressive", saved(image, "JPEG", progressive=True)
    yield "jpeg four inks", saved(image.convert("CMYK"), "JPEG")
    yield "bmp colours", saved(image, "BMP")
    yield "bmp palette", saved(picture, "BMP")
    runs = b"".join(bytes([41, row, 0, 0]) for row in range(37)) + b"\0\1"
    yield "bmp runs", bmp(runs, 8, compression=1, table=bytes(1024))
    yield "bmp masks", bmp(bytes(37 * 84), 16, compression=3, masks=(0xF800, 0x7E0, 0x1F))
    yield "webp", saved(image, "WEBP", quality=70)
    yield "webp lossless", saved(image.convert("RGBA"), "WEBP", lossless=True)
    yield "gif", saved(picture, "GIF")


def _tiffs() -> Iterator[tuple[str, bytes]]:
    deep = slice_like(40, 48, top=65535)
    grey = grey8(40, 48)
    colours = np.stack([grey, grey[::-1], grey], axis=-1)
    for name, values, options in (
        ("plain", deep, {}),
        ("big", deep, {"bigtiff": True, "byteorder": ">"}),
        ("tiles", deep, {"tile": (16, 16)}),
        ("deflate", deep, {"compression": "zlib", "predictor": True}),
        ("lzw", grey, {"compression": "lzw"}),
        ("packbits", grey, {"compression": "packbits"}),
        ("jpeg", grey, {"compression": "jpeg"}),
        ("floats", deep.astype(np.float32), {}),
        ("colours", colours, {"photometric": "rgb"}),
        ("planes", np.moveaxis(colours, -1, 0).copy(), {"photometric": "rgb", "planarconfig": "separate"}),
    ):
        stream = io.BytesIO()
        tifffile.imwrite(stream, values, **options)
        yield f"tiff {name}", stream.getvalue()
    yield "tiff 12 bits", twelve_bit_tiff(slice_like(40, 48, top=4095))


def _dicoms() -> Iterator[tuple[str, bytes]]:
    rescaled: dict[str, Any] = {
        "WindowCenter": 100,
        "WindowWidth": 50,
        "RescaleSlope": 2,
        "RescaleIntercept": 1,
    }
    yield "dicom explicit", dicom(ramp(), **AXIAL, **rescaled, EchoTime=3)
    yield "dicom frames", enhanced([1, 2])
    yield "dicom tables", dicom(ramp(), ModalityLUTSequence=table(list(range(0, 65536, 16)), 0, 16))
    yield "dicom voi table", dicom(ramp(), VOILUTSequence=table(list(range(4096)), 0, 12))
    yield (
        "dicom nested",
        dicom(
            ramp(), ReferencedImageSequence=sequence(PurposeOfReferenceCodeSequence=sequence(CodeValue="1"))
        ),
    )
    yield "dicom item", dicom(ramp(), RequestAttributesSequence=[item(StudyInstanceUID="1.2")])
    colours = np.stack([ramp(top=255).astype(np.uint8)] * 3, axis=-1)
    yield "dicom colours", dicom(colours)
    for syntax in (uid.ImplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian):
        made = dataset(ramp(), **AXIAL)
        made.file_meta.TransferSyntaxUID = syntax
        yield f"dicom {syntax.keyword}", written(made)
    big = dataset(ramp().astype(">u2"), **AXIAL)
    big.file_meta.TransferSyntaxUID = uid.ExplicitVRBigEndian
    stream = io.BytesIO()
    dcmwrite(stream, big, implicit_vr=False, little_endian=False, force_encoding=True)
    yield "dicom big endian", stream.getvalue()
    for syntax in (uid.RLELossless, uid.JPEG2000Lossless, uid.JPEGLSLossless):
        made = dataset(ramp(), **AXIAL)
        made.compress(syntax, generate_instance_uid=False)
        yield f"dicom {syntax.keyword}", written(made)
    eight, twelve = ramp(top=255).astype(np.uint8), {"BitsStored": 12, "HighBit": 11}
    for syntax, pixels, encode, elements in (
        (uid.JPEGLossless, ramp(), imagecodecs.ljpeg_encode, {}),
        (uid.JPEGLosslessSV1, ramp(), imagecodecs.ljpeg_encode, {}),
        (uid.JPEGBaseline8Bit, eight, imagecodecs.jpeg_encode, {}),
        (uid.JPEGExtended12Bit, ramp(), partial(imagecodecs.jpeg_encode, bitspersample=12), twelve),
        (uid.JPEG2000, ramp(), partial(imagecodecs.jpeg2k_encode, level=40), {}),
        (uid.JPEGLSNearLossless, ramp(), partial(imagecodecs.jpegls_encode, level=2), {}),
        (uid.HTJ2KLossless, ramp(), imagecodecs.htj2k_encode, {}),
    ):
        yield f"dicom {syntax.keyword}", compressed(pixels, syntax, [encode(pixels)], **elements)


def _volumes() -> Iterator[tuple[str, bytes]]:
    volume = nii(phantom((40, 40, 3)), oriented("LAS"))
    yield "nifti", volume
    yield "nifti packed", gzip.compress(volume, mtime=0)
    yield "nifti floats", nii(phantom((40, 40, 3), np.float32), oriented("RPI"))
    yield "nifti signed", nii(phantom((33, 33, 1), np.int16))


def _archives(single: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    for name, method in (("zip", zipfile.ZIP_DEFLATED), ("zip stored", zipfile.ZIP_STORED)):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            for inner in ("png grey", "jpeg grey", "dicom explicit"):
                archive.writestr(zipfile.ZipInfo(f"{inner}.bin"), single[inner])
        yield name, stream.getvalue()
