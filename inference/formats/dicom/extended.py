"""JPEG of 12 bits a sample (extended, process 4), which none of pydicom's permissive plug-ins decodes."""

from __future__ import annotations

from pydicom.pixels.decoders.base import DecodeRunner, JPEGExtended12BitDecoder
from pydicom.uid import JPEGExtended12Bit

# pydicom asks a plug-in for both of these names.
DECODER_DEPENDENCIES = {JPEGExtended12Bit: ("imagecodecs",)}
LABEL = "imagecodecs"
_END = b"\xff\xd9"


def is_available(uid: str) -> bool:
    """Whether this transfer syntax is decoded here."""
    return uid == JPEGExtended12Bit


def decode_frame(source: bytes, runner: DecodeRunner) -> bytes:
    """Return the samples of one frame, in the type that the dataset says."""
    import imagecodecs

    # libjpeg fills in what is missing, and says so to nobody. Some pad the last byte with another one.
    if not source.rstrip(b"\0\xff").endswith(_END):
        raise ValueError("the codestream has no end")
    samples = imagecodecs.jpeg_decode(source)
    if samples.dtype.itemsize * 8 != runner.bits_allocated:
        raise ValueError("the codestream has another depth than the dataset says")
    data: bytes = samples.tobytes()
    return data


def install() -> None:
    """Have pydicom use it, last of all."""
    if LABEL not in JPEGExtended12BitDecoder.available_plugins:
        JPEGExtended12BitDecoder.add_plugin(LABEL, (__name__, decode_frame.__name__))
