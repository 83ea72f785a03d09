"""The frames of a dataset, decoded one after the other, upright and with square pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    UID,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSTransferSyntaxes,
    RLELossless,
)

from inference.errors import ImageError
from inference.formats.base import DecodedImage, Intensity, Limits, Notice, Pixels
from inference.formats.dicom import codestreams, colours, extended, facts, greys
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
_LOSSLESS = (
    RLELossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEG2000Lossless,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
)
_MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
_PALETTE = "PALETTE COLOR"
_OVERLAY_GROUPS = 0x6000
_OVERLAYS = Notice(
    "overlays_dropped", "The file has overlays, which may hold writing; they are not part of the picture."
)

_COLOURS = Notice(
    "colours_not_shown", "The file wants some of its values shown in colours; all are shown grey."
)


def decoded(dataset: Dataset, count: int, limits: Limits) -> Iterator[DecodedImage]:
    """Yield each frame as an image, in the order of the file."""
    headers = [Header(dataset, frame) for frame in range(count)]
    scale, last = None, -1
    for header, (raw, space) in zip(headers, _raw(dataset), strict=False):
        if header.frame == 0 and count > 1 and raw.dtype.kind in "iu":
            stored = greys.stored(header, raw, is_exact=_is_exact(dataset))
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
    if _is_exact(dataset):
        # It shifts as though the highest bit that counts were always below the others: ours looks.
        options["correct_unused_bits"] = False
    frames = int(dataset.get("NumberOfFrames") or 1)
    if syntax.is_encapsulated:
        codestreams.correct_offsets(dataset, frames)
    if syntax in JPEGLSTransferSyntaxes:
        codestreams.check_jpeg_ls(dataset, frames)
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


def _is_exact(dataset: Dataset) -> bool:
    """Whether every bit is as it was before the pixels were compressed, the unused ones included."""
    syntax: UID = dataset.file_meta.TransferSyntaxUID
    return not syntax.is_compressed or syntax in _LOSSLESS


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
    stored = greys.stored(header, raw, is_exact=_is_exact(header.dataset))
    if space in _MONOCHROME and "RedPaletteColorLookupTableDescriptor" in header.dataset:
        notices.append(_COLOURS)  # a supplemental palette (PS3.3, C.7.6.23)
    if space == _PALETTE:
        return colours.expanded(header, stored, notices), Intensity()
    if space not in _MONOCHROME:
        raise colour_unsupported(space if space.replace("_", "").isalnum() else "of another kind")
    return greys.greys(header, stored, scale, notices)
