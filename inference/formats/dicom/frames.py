"""The frames of a dataset, decoded one after the other, upright and with square pixels."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    UID,
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSTransferSyntaxes,
    RLELossless,
)

from inference.errors import ImageError
from inference.formats.base import DecodedImage, Intensity, Limits, Notice, Pixels
from inference.formats.dicom import colours, extended, facts, greys
from inference.formats.dicom.header import Header
from inference.formats.pixels import colour_unsupported, without_equal_channels
from inference.formats.placing import placed

# Of the permissive plug-ins none reads it.
extended.install()

_PLUG_INS: tuple[tuple[Sequence[UID], str], ...] = (
    ((RLELossless,), "pydicom"),
    ((JPEGBaseline8Bit,), "pillow"),
    ((JPEGLossless, JPEGLosslessSV1), "gdcm"),
    (JPEGLSTransferSyntaxes, "pyjpegls"),
    (JPEG2000TransferSyntaxes, "pylibjpeg"),
)
_MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
_PALETTE = "PALETTE COLOR"
_OVERLAY_GROUPS = 0x6000
# The frame header of JPEG-LS (ITU-T T.87, C.1.4.1): its length, a byte of precision, lines, samples a line.
_JPEG_LS_END = b"\xff\xd9"
_JPEG_LS_FRAME = b"\xff\xf7"
_OVERLAYS = Notice(
    "overlays_dropped", "The file has overlays, which may hold writing; they are not part of the picture."
)


def decoded(dataset: Dataset, count: int, limits: Limits) -> Iterator[DecodedImage]:
    """Yield each frame as an image, in the order of the file."""
    headers = [Header(dataset, frame) for frame in range(count)]
    scale, last = None, -1
    for header, (raw, space) in zip(headers, _raw(dataset), strict=False):
        if header.frame == 0 and count > 1 and raw.dtype.kind in "iu":
            stored = greys.stored(header, raw, is_native=_is_native(dataset))
            scale = greys.common_scale(headers, stored.bits, stored.is_signed)
        yield _image(header, raw, space, scale, limits)
        last = header.frame
    if last + 1 < count:
        raise ValueError("frames are missing")


def _raw(dataset: Dataset) -> Iterator[tuple[NDArray[Any], str]]:
    """Each frame as pydicom reads it, and the colour space that it is in then."""
    syntax: UID = dataset.file_meta.TransferSyntaxUID
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise ImageError(
            "unsupported_format",
            "The file is compressed in a way that is not accepted. Please export it uncompressed. "
            "Received the transfer syntax %(syntax)s.",
            syntax=syntax.name if syntax.is_transfer_syntax else "of a manufacturer",
        ) from None
    options: dict[str, Any] = {"allow_excess_frames": False, "decoding_plugin": _plug_in(dataset)}
    if _is_native(dataset):
        # It shifts as though the highest bit that counts were always below the others: ours looks.
        options["correct_unused_bits"] = False
    frames = int(dataset.get("NumberOfFrames") or 1)
    if syntax in JPEGLSTransferSyntaxes:
        _check_codestreams(dataset, frames)
    for raw, properties in decoder.iter_array(dataset, indices=range(frames), **options):
        yield raw, str(properties["photometric_interpretation"])


def _plug_in(dataset: Dataset) -> str:
    """The one plug-in that decodes; "" for what needs none. GDCM ends the process on some damaged files: it
    is asked for lossless JPEG alone, which no other decodes.
    """
    syntax: UID = dataset.file_meta.TransferSyntaxUID
    if syntax == JPEGExtended12Bit:
        return "pillow" if int(dataset.get("BitsStored") or 0) <= 8 else extended.LABEL
    return next((plug_in for syntaxes, plug_in in _PLUG_INS if syntax in syntaxes), "")


def _check_codestreams(dataset: Dataset, frames: int) -> None:
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


def _is_native(dataset: Dataset) -> bool:
    """Whether pixels stand in the file bit by bit, so that unused bits may hold anything."""
    syntax: UID = dataset.file_meta.TransferSyntaxUID
    return not syntax.is_compressed or syntax == RLELossless


def _image(
    header: Header, raw: NDArray[Any], space: str, scale: greys.Scale | None, limits: Limits
) -> DecodedImage:
    notices: list[Notice] = []
    pixels, intensity = _pixels(header, raw, space, scale, notices)
    tags = header.dataset.keys()  # iterating the dataset itself reads the values
    if any(tag.group & 0xFF00 == _OVERLAY_GROUPS for tag in tags):
        notices.append(_OVERLAYS)
    stored = without_equal_channels(pixels)
    pixels, geometry, way = placed(stored, facts.geometry(header), facts.aspect(header), limits, notices)
    return DecodedImage(
        pixels,
        "dicom",
        tuple(dict.fromkeys(notices)),
        geometry,
        intensity,
        facts.source(header, (stored.shape[0], stored.shape[1]), way),
        header.frame,
    )


def _pixels(
    header: Header, raw: NDArray[Any], space: str, scale: greys.Scale | None, notices: list[Notice]
) -> tuple[Pixels, Intensity]:
    if raw.ndim == 3:
        return colours.colours(header, raw, space, notices), Intensity()
    stored = greys.stored(header, raw, is_native=_is_native(header.dataset))
    if space == _PALETTE:
        return colours.expanded(header, stored, notices), Intensity()
    if space not in _MONOCHROME:
        raise colour_unsupported(space if space.replace("_", "").isalnum() else "of another kind")
    return greys.greys(header, stored, scale, notices)
