"""From the bytes of one file to upright pixels with Pillow; shared by every format that Pillow reads.

The order is what keeps memory bounded: the header is read, size and frames are judged, and only then pixels
are decoded.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from PIL import Image
from PIL.ExifTags import Base as ExifTag

from inference.errors import ImageError
from inference.formats.base import DecodedImage, Limits, Notice
from inference.formats.pixels import pixels_of, without_equal_channels

# Warning filters are process-wide, and a decode may need some hundred megabytes: one at a time serves both.
_one_decode_at_a_time = threading.Lock()

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
EXIF_ROTATED = Notice(
    "exif_rotated", "The picture was turned upright, as the orientation stored in the file tells."
)


def decode_with_pillow(
    data: bytes,
    limits: Limits,
    *,
    format_id: str,
    label: str,
    bits: int = 8,
    prepare: Callable[[Image.Image], Image.Image] = lambda image: image,
) -> DecodedImage:
    """Decode the single picture in `data`, upright and without metadata.

    bits: a sample's depth in the file. prepare: called with the decoded image, before its mode is judged.
    Raises ImageError: too_many_pixels, too_small, several_frames, colour_unsupported, truncated.
    """
    notices: list[Notice] = []
    with (
        every_failure_is_an_image_error(label, notices),
        Image.open(io.BytesIO(data), formats=(label,)) as image,
    ):
        check_size(image.width, image.height, limits)
        _check_single_frame(image, label)
        pixels = pixels_of(_decode_upright(image, prepare, notices), bits, notices)
    return DecodedImage(pixels=without_equal_channels(pixels), format_id=format_id, notices=tuple(notices))


def check_size(width: int, height: int, limits: Limits) -> None:
    """Raise too_many_pixels or too_small unless an image of these many pixels is within the limits."""
    if width * height > limits.max_pixels:
        raise ImageError(
            "too_many_pixels",
            "The image is too large. At most %(most)s pixels are accepted; received %(width)s x %(height)s.",
            most=limits.max_pixels,
            width=width,
            height=height,
        )
    if min(width, height) < limits.min_side:
        raise ImageError(
            "too_small",
            "The image is too small to be read. Each side must have at least %(least)s pixels; "
            "received %(width)s x %(height)s.",
            least=limits.min_side,
            width=width,
            height=height,
        )


def too_much_memory() -> ImageError:
    """What is said of a file that takes more memory than one picture is given."""
    return ImageError(
        "image_too_large_to_read",
        "Reading the picture takes more memory than is allowed. Please export it again, as a plain PNG.",
    )


@contextmanager
def every_failure_is_an_image_error(label: str, notices: list[Notice]) -> Iterator[None]:
    """Turn whatever a decoder does on hostile bytes into an ImageError, and its warnings into one notice."""
    with _one_decode_at_a_time, warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            yield
        except ImageError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise ImageError(
                "too_many_pixels",
                "The image is too large to be opened safely. Received a %(label)s file.",
                label=label,
            ) from error
        except MemoryError as error:
            raise too_much_memory() from error
        except Exception as error:  # on broken input Pillow raises KeyError, struct.error, zlib.error, ...
            raise ImageError(
                "truncated",
                "The file cannot be read: it is damaged, incomplete or of a rare kind. "
                "Please export it again. Received a %(label)s file.",
                label=label,
            ) from error
        if heard:
            notices.append(
                Notice(
                    "file_irregular",
                    "The file does not follow its format exactly; please check that the picture is complete.",
                )
            )


def _check_single_frame(image: Image.Image, label: str) -> None:
    if getattr(image, "is_animated", False):
        raise several_frames(label)


def several_frames(label: str) -> ImageError:
    """What is said of a file of more than one picture."""
    return ImageError(
        "several_frames",
        "The file holds several pictures. Please upload one slice per file. "
        "Received a %(label)s file with more than one frame.",
        label=label,
    )


def too_many_images(count: int, limits: Limits) -> ImageError:
    """What is said of a file of more pictures than one file may have."""
    return ImageError(
        "too_many_images",
        "The file holds more pictures than are accepted. At most %(most)s; received %(count)s.",
        most=limits.max_images,
        count=count,
    )


def _decode_upright(
    image: Image.Image, prepare: Callable[[Image.Image], Image.Image], notices: list[Notice]
) -> Image.Image:
    """Decode, and turn the picture as its EXIF orientation tells: 2 to 8 are turned or mirrored."""
    orientation = image.getexif().get(ExifTag.Orientation, 1)
    image.load()
    prepared = prepare(image)
    if orientation not in _TURNS:
        return prepared
    notices.append(EXIF_ROTATED)
    # Not exif_transpose: what was prepared may be a new image, which has no EXIF.
    return prepared.transpose(_TURNS[orientation])
