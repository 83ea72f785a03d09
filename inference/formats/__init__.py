"""The accepted image formats. A new one is one module and one line in FORMATS.

Upload validation and the upload page read this registry. The content of a file decides what it is; its name
is never looked at, and a file picker hides nothing: a scanner's files often have no ending.
"""

from __future__ import annotations

from collections.abc import Iterator

from inference.errors import ImageError
from inference.formats import bmp, dicom, jpeg, nifti, png, tiff, webp
from inference.formats.base import DecodedImage, ImageFormat, Intensity, Limits, Notice, Pixels, Source
from inference.formats.unsupported import unsupported_format_of

__all__ = [
    "FORMATS",
    "DecodedImage",
    "ImageFormat",
    "Intensity",
    "Limits",
    "Notice",
    "Pixels",
    "Source",
    "check_bytes",
    "read_image",
    "read_images",
]

DEFAULT_LIMITS = Limits()

FORMATS: tuple[ImageFormat, ...] = (
    png.FORMAT,
    jpeg.FORMAT,
    tiff.FORMAT,
    bmp.FORMAT,
    webp.FORMAT,
    dicom.FORMAT,
    nifti.FORMAT,
)

_HEAD_BYTES = 512


def read_image(data: bytes, limits: Limits = DEFAULT_LIMITS) -> DecodedImage:
    """Recognise and decode the one image of a file by its content.

    Raises ImageError, and nothing else whatever the bytes are, with the codes listed there.
    """
    check_bytes(data, limits)
    return _format_of(data[:_HEAD_BYTES], len(data)).decode(data, limits)


def read_images(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Iterator[DecodedImage]:
    """Yield every image of a file, in its order; of most formats there is one. Raises as `read_image`."""
    check_bytes(data, limits)
    found = _format_of(data[:_HEAD_BYTES], len(data))
    if found.decode_all is None:
        yield found.decode(data, limits)
    else:
        yield from found.decode_all(data, limits)


def check_bytes(data: bytes, limits: Limits) -> None:
    """Raise empty_file or file_too_large unless there are bytes, and no more than are accepted."""
    if not data:
        raise ImageError("empty_file", "The file is empty. Received 0 bytes.")
    if len(data) > limits.max_bytes:
        raise ImageError(
            "file_too_large",
            "The file is too large. At most %(most)s MB are accepted; received %(received)s MB.",
            most=limits.max_bytes / 2**20,
            received=len(data) / 2**20,
        )


def _format_of(head: bytes, size: int) -> ImageFormat:
    # The preamble of a DICOM file may be the head of another, such as of a TIFF (PS3.10, 7.1).
    if dicom.has_preamble(head):
        return dicom.FORMAT
    for candidate in FORMATS:
        if candidate.matches(head):
            return candidate
    unsupported = unsupported_format_of(head)
    accepted = ", ".join(each.label for each in FORMATS)
    if unsupported:
        raise ImageError(
            "unsupported_format",
            "This kind of file is not accepted. Please upload %(accepted)s. Received a %(received)s file.",
            accepted=accepted,
            received=unsupported,
        )
    raise ImageError(
        "not_an_image",
        "The file is not an image that can be read. Please upload %(accepted)s. "
        "Received %(size)s bytes of something else.",
        accepted=accepted,
        size=size,
    )
