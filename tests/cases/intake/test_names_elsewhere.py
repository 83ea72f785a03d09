"""Names where few look: in pictures of the web, in codestreams, archives and pairs."""

from __future__ import annotations

import gzip
import io
import logging
import struct
import zipfile
from typing import Any

import imagecodecs
import nibabel as nib
import numpy as np
import pytest
import tifffile
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image as PillowImage
from PIL.PngImagePlugin import PngInfo
from pydicom import uid
from pydicom.sequence import Sequence

from cases.intake.uploads import submit_file
from cases.models import Case, Image
from cases.viewer.images import pixels_of
from tests.cases.intake.hospital import slice_pixels
from tests.cases.intake.test_deidentification import (
    DIGITS,
    NAME,
    UPLOAD,
    assert_names_nobody,
    everything_kept,
    own_storage,  # noqa: F401 - a fixture
)
from tests.inference.dicoms import compressed, dataset, in_space, written
from tests.inference.images import _chunk, saved

pytestmark = [pytest.mark.usefixtures("model_version"), pytest.mark.both_databases]
WORDS = NAME.encode()
PLACE = in_space((1, 0, 0), (0, 1, 0))


def grey(seed: int) -> np.ndarray:
    return (slice_pixels(seed) >> 4).astype(np.uint8)


def pictures_of_the_web() -> dict[str, bytes]:
    """One of each format, the name wherever its format has room for words, and behind its end."""
    picture = [PillowImage.fromarray(grey(seed)) for seed in range(5)]
    exif = PillowImage.Exif()
    exif[0x010E] = exif[0x013B] = NAME
    words = PngInfo()
    words.add_text("Title", NAME)
    words.add_itxt("XML:com.adobe.xmp", f"<x>{NAME}</x>", zip=True)
    png = saved(picture[0], "PNG", pnginfo=words, exif=exif)
    tiff = io.BytesIO()
    tifffile.imwrite(
        tiff,
        grey(1),
        photometric="minisblack",
        description=NAME,
        software=NAME,
        extratags=[(315, "s", 0, NAME, True)],
    )
    profile = b"\0" * 128 + WORDS
    return {
        "png": png[:-12] + _chunk(b"naMe", WORDS) + png[-12:] + WORDS,
        "tif": tiff.getvalue() + WORDS,
        "jpg": saved(picture[2], "JPEG", comment=NAME, exif=exif, icc_profile=profile, xmp=WORDS) + WORDS,
        "webp": saved(picture[3], "WEBP", lossless=True, exif=exif, xmp=WORDS),
        "bmp": saved(picture[4], "BMP") + WORDS,
    }


def dicoms() -> dict[str, bytes]:
    """The name in a codestream's unused bits and comments, in curves, icons, codes, tables and a length."""
    values = slice_pixels(10)
    bits = np.unpackbits(np.frombuffer(WORDS * 200, np.uint8))[: values.size].reshape(values.shape)
    dirty = (values | bits.astype(np.uint16) << 14).astype(np.uint16)
    twelve: dict[str, Any] = {"BitsStored": 12, "HighBit": 11, **PLACE}
    stream = imagecodecs.jpeg2k_encode(dirty, level=0, codecformat="j2k")
    # A comment (ITU-T T.800, A.9.2) behind the main header's first marker segment.
    size = struct.unpack_from(">H", stream, 4)[0]
    comment = b"\xff\x64" + struct.pack(">HH", len(WORDS) + 4, 1) + WORDS
    stream = stream[: 4 + size] + comment + stream[4 + size :]
    other = dataset(slice_pixels(11), **PLACE | {"ImagePositionPatient": [0, 0, 3]})
    other.add_new(0x50003000, "OW", WORDS + b"\0")
    other.SliceThickness = DIGITS
    other.LossyImageCompressionMethod, other.VOILUTFunction, other.FrameType = NAME, NAME, [NAME]
    other.PatientPosition, other.ScanningSequence, other.RescaleType = NAME, [NAME], NAME
    icon = dataset(slice_pixels(12))
    icon.ImageComments = NAME
    other.IconImageSequence = Sequence([icon])
    code = dataset(slice_pixels(13))
    code.CodeMeaning, code.CodeValue = NAME, DIGITS
    other.AnatomicRegionSequence = other.RequestAttributesSequence = Sequence([code])
    other.InstanceNumber, other.AcquisitionNumber, other.TemporalPositionIdentifier = DIGITS, DIGITS, DIGITS
    return {
        "compressed": compressed(values, uid.JPEG2000Lossless, [stream], StudyID=NAME, **twelve),
        "plain": written(other),
    }


def pair() -> dict[str, bytes]:
    """Header and pixels of a volume, and a packed one with the name in both heads of the gzip."""
    volume = nib.Nifti1Pair(np.arange(40 * 44 * 3, dtype=np.int16).reshape(40, 44, 3), np.eye(4))
    for field, most in (("descrip", 80), ("aux_file", 24), ("intent_name", 16), ("db_name", 18)):
        volume.header[field] = NAME[:most]
    parts = volume.make_file_map({"header": io.BytesIO(), "image": io.BytesIO()})
    volume.to_file_map(parts)
    header, pixels = (parts[part].fileobj.getvalue() for part in ("header", "image"))
    packed = gzip.compress(pixels + WORDS)
    # FNAME and FCOMMENT (RFC 1952, 2.3.1).
    return {"hdr": header, "img.gz": packed[:3] + b"\x18" + packed[4:10] + (WORDS + b"\0") * 2 + packed[10:]}


def archive(files: dict[str, bytes]) -> bytes:
    """The name in the comment, and in each entry's comment and extra field."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        packed.comment = WORDS
        for ending, data in files.items():
            entry = zipfile.ZipInfo(f"{NAME}/{NAME}.{ending}")
            entry.comment, entry.extra = WORDS, struct.pack("<HH", 0x7777, len(WORDS)) + WORDS
            packed.writestr(entry, data)
    return stream.getvalue()


@pytest.mark.parametrize("files", [pictures_of_the_web, dicoms, pair])
def test_no_name_is_kept_of_what_stands_around_the_pixels(files, owner, cohort, client_of, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    given = files()
    assert any(NAME.encode() in data for data in given.values())
    upload = SimpleUploadedFile(f"{NAME}.zip", archive(given))
    answer = client_of(owner).post(
        UPLOAD, {"cohort": cohort.pk, "grouping": "one_case", "files": [upload]}, follow=True
    )
    assert answer.status_code == 200
    assert Case.objects.count() == 1
    assert Image.objects.count() == (3 if files is pair else len(given))
    assert_names_nobody(everything_kept())
    # The page names the sender's own files to the sender.
    assert_names_nobody(answer.content.decode().replace(f"{NAME}.zip", "").replace(f"{NAME}/{NAME}.", ""))
    assert_names_nobody("\n".join(record.getMessage() for record in caplog.records))


def test_pixels_of_what_was_compressed_are_those_of_the_bits_that_count(owner, cohort) -> None:
    image = submit_file(by=owner, cohort=cohort, file=ContentFile(dicoms()["compressed"])).case.images.get()
    assert np.array_equal(pixels_of(image), slice_pixels(10))
