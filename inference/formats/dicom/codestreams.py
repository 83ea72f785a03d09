"""What stands in encapsulated pixel data: how it is compressed, where frames begin, and whether it ends."""

from __future__ import annotations

import struct

from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

# The frame headers of JPEG (ITU-T T.81, table B.1), and of JPEG-LS (T.87), with the transfer syntaxes that
# they may stand in; the first one where the file says none.
_BY_FRAME_HEADER: dict[int, tuple[UID, ...]] = {
    0xC0: (JPEGBaseline8Bit, JPEGExtended12Bit),
    0xC1: (JPEGExtended12Bit,),
    0xC3: (JPEGLosslessSV1, JPEGLossless),
    0xF7: (JPEGLSNearLossless, JPEGLSLossless),
}
_JPEG_2000 = (JPEG2000, JPEG2000Lossless)
_PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)
_EVERY_JPEG = {syntax for syntaxes in (*_BY_FRAME_HEADER.values(), _JPEG_2000) for syntax in syntaxes}
# JPEG-LS' (T.87, C.1.4.1) is followed by its length, a byte of precision, lines, samples a line.
_JPEG_LS_END = b"\xff\xd9"
_JPEG_LS_FRAME = b"\xff\xf7"
_ITEM = b"\xfe\xff\x00\xe0"
DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"
_PIXELS = b"\xe0\x7f\x10\x00"
# How far behind the table of offsets a codestream begins, at the most.
_NEAR = 4096
_START_OF_SCAN = 0xDA
_ENDLESS = b"\xff\xff\xff\xff"


def syntax_of(encapsulated: bytes) -> UID | None:
    """The transfer syntax that the first codestream is of; None where it is of no kind of JPEG."""
    found = _syntaxes_of(encapsulated)
    return found[0] if found else None


def correct_syntax(dataset: Dataset) -> None:
    """Have the dataset say how its pixels are compressed, where it says another kind of JPEG, or none."""
    said: UID = dataset.file_meta.TransferSyntaxUID
    if said not in (*_EVERY_JPEG, *_PLAIN) or not isinstance(dataset.get("PixelData"), bytes):
        return
    is_plain = not dataset["PixelData"].is_undefined_length and not dataset.PixelData.startswith(_ITEM)
    found = _PLAIN if is_plain else _syntaxes_of(dataset.PixelData)
    if found and said not in found:
        dataset.file_meta.TransferSyntaxUID = found[0]
    if dataset.file_meta.TransferSyntaxUID == JPEGBaseline8Bit:
        # It has no other depth, whatever the numbers say.
        dataset.BitsAllocated = 8
        dataset.BitsStored = min(int(dataset.get("BitsStored") or 8), 8)


def correct_offsets(dataset: Dataset, frames: int) -> None:
    """Empty a table of offsets that leads to no frame (PS3.5, A.4): frames are found by their ends then."""
    encapsulated = dataset.PixelData
    if not encapsulated.startswith(_ITEM):
        return
    (size,) = struct.unpack_from("<I", encapsulated, 4)
    offsets = struct.unpack_from(f"<{size // 4}I", encapsulated, 8)
    first = at = 8 + size
    begins = set()
    while encapsulated[at : at + 4] == _ITEM and at + 8 <= len(encapsulated):
        begins.add(at - first)
        at += 8 + int(struct.unpack_from("<I", encapsulated, at + 4)[0])
    if offsets and (len(offsets) != frames or not begins.issuperset(offsets)):
        dataset.PixelData = _ITEM + bytes(4) + encapsulated[first:]


def check_jpeg_ls(dataset: Dataset, frames: int) -> None:
    """Raise where a codestream of JPEG-LS has another size than the dataset says, or has no end: its
    decoder hands out as many bytes as are asked for, and works for seconds on what is cut off.
    """
    for index in range(frames):
        codestream = get_frame(dataset.PixelData, index, number_of_frames=frames)
        at = codestream.find(_JPEG_LS_FRAME)
        height, width = struct.unpack_from(">HH", codestream, at + 5)
        if at < 0 or (height, width) != (dataset.Rows, dataset.Columns):
            raise ValueError("the codestream has another size than the dataset says")
        if not codestream.rstrip(b"\0").endswith(_JPEG_LS_END):
            raise ValueError("the codestream is cut off")


def ends_inside(data: bytes) -> bool:
    """Whether a file has pixels of which the end, that of the compressed ones, may be missing."""
    return any(_PIXELS + kind + _ENDLESS in data for kind in (b"OB\0\0", b"OW\0\0", b""))


def _syntaxes_of(encapsulated: bytes) -> tuple[UID, ...]:
    # The first item is the table of offsets, four bytes a frame.
    table = 8 + int.from_bytes(encapsulated[4:8], "little") if encapsulated.startswith(_ITEM) else 0
    if encapsulated.find(b"\xff\x4f\xff\x51", table, table + _NEAR) >= 0:
        return _JPEG_2000
    at = encapsulated.find(b"\xff\xd8\xff", table, table + _NEAR)
    while 0 <= at < len(encapsulated) - 4 and encapsulated[at + 2] == 0xFF:
        kind = encapsulated[at + 3]
        if kind in _BY_FRAME_HEADER:
            return _BY_FRAME_HEADER[kind]
        if kind == _START_OF_SCAN:
            break
        at += 2 + int.from_bytes(encapsulated[at + 4 : at + 6], "big")
    return ()
