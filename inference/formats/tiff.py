"""TIFF 6.0 and BigTIFF with one page, thumbnails aside, read by tifffile.

What the header tells is judged first: everything that is not surely shown as it is meant is refused, by the
name of the tag that says so. Pillow knows fewer kinds, and reads some of them wrong without a word.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.formats import deep
from inference.formats.base import DecodedImage, ImageFormat, Limits, Notice, Pixels, row_blocks
from inference.formats.jpeg import check_scans
from inference.formats.pillow import EXIF_ROTATED, check_size, every_failure_is_an_image_error, several_frames
from inference.formats.pixels import (
    PALETTE_EXPANDED,
    colour_unsupported,
    depth_reduced,
    not_shown_exactly,
    over_black,
    without_equal_channels,
)

_SIGNATURES = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")

# Values of tags: TIFF 6.0, sections 3 to 22, and the registered ones of Adobe and of libtiff.
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_COLOURS = {4: "mask", 5: "CMYK", 8: "LAB", 9: "LAB", 10: "LAB"}
_JPEG = 7
_COMPRESSIONS = frozenset(
    {1, 5, _JPEG, 8, 32946, 32773, 34925, 50000}
)  # none, LZW, Deflate, PackBits, LZMA, Zstd
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_ASSOCIATED, _UNASSOCIATED = 1, 2
# A picture and its thumbnails are fewer.
_MOST_PAGES = 10
_ORIENTATION, _COLOR_MAP, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 274, 320, 338, 339

# tifffile's messages may hold what a tag says, and so a name: they go nowhere but into our own ear.
_log = logging.getLogger("tifffile")
_log.propagate = False
_log.addHandler(logging.NullHandler())


def _matches(head: bytes) -> bool:
    return head.startswith(_SIGNATURES)


def _decode(data: bytes, limits: Limits) -> DecodedImage:
    import tifffile  # a tenth of a second that only those pay who send one

    notices: list[Notice] = []
    with (
        every_failure_is_an_image_error("TIFF", notices),
        _irregularities(notices),
        tifffile.TiffFile(io.BytesIO(data)) as file,
    ):
        page = _only_page(file)
        check_size(page.imagewidth, page.imagelength, limits)
        _check_no_stack(file, page)
        _check_samples(page)
        _check_segments(page, data, limits)
        # (planes, 1, H, W, samples): one of planes and samples is 1.
        stored = page.asarray(squeeze=False, maxworkers=1)[:, 0]
        samples = [plane[..., index] for plane in stored for index in range(stored.shape[-1])]
        pixels = _upright(_pixels_of(page, samples, notices), page.tags.valueof(_ORIENTATION, 1), notices)
    return DecodedImage(without_equal_channels(pixels), "tiff", tuple(notices))


@contextmanager
def _irregularities(notices: list[Notice]) -> Iterator[None]:
    """Of what tifffile would log, that there was something is said, as Pillow's warnings are."""
    heard: list[logging.LogRecord] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = heard.append  # type: ignore[method-assign,assignment]
    _log.addHandler(handler)
    try:
        yield
    finally:
        _log.removeHandler(handler)
    if heard:
        notices.append(
            Notice(
                "file_irregular",
                "The file does not follow its format exactly; please check that the picture is complete.",
            )
        )


def _only_page(file: Any) -> Any:
    """The page that is no thumbnail of another (NewSubfileType, TIFF 6.0, section 8); it may be the first or
    the last one. Raises several_frames.
    """
    if len(file.pages) == 1:
        return file.pages.first
    pages = [] if len(file.pages) > _MOST_PAGES else [page for page in file.pages if not page.is_reduced]
    if len(pages) != 1:
        raise several_frames("TIFF")
    return pages[0]


def _check_no_stack(file: Any, page: Any) -> None:
    """Raise where pages stand behind one directory: ImageJ's stacks, tifffile's own, and depth."""
    described = page.shaped_description or page.imagej_description
    if page.imagedepth != 1 or (described and any(each.size > page.size for each in file.series)):
        raise several_frames("TIFF")


def _check_samples(page: Any) -> None:
    """Raise colour_unsupported unless the samples are ones that `_pixels_of` shows as they are meant."""
    bits, kind, colour = page.bitspersample, _sample_format(page), page.photometric
    if colour in _COLOURS:
        raise colour_unsupported(_COLOURS[colour])
    if page.dtype is None or not isinstance(bits, int) or kind not in (_UNSIGNED, _SIGNED, _FLOAT):
        raise not_shown_exactly(f"SampleFormat {_words(kind)}, BitsPerSample {_words(bits)}")
    if page.compression not in _COMPRESSIONS:
        raise not_shown_exactly(f"Compression {int(page.compression)}")
    if page.compression == _JPEG and bits != 8:
        raise not_shown_exactly(f"Compression 7, BitsPerSample {bits}")
    if page.predictor not in (1, 2, 3) or (page.predictor != 1 and bits not in (8, 16, 32, 64)):
        raise not_shown_exactly(f"Predictor {int(page.predictor)}, BitsPerSample {bits}")
    _check_channels(page, bits, kind)


def _check_channels(page: Any, bits: int, kind: Any) -> None:
    colour, count, extra = page.photometric, page.samplesperpixel, _extra_samples(page)
    plain = kind == _UNSIGNED and bits <= 16
    if colour in (_WHITE_IS_ZERO, _BLACK_IS_ZERO):
        fits = count == 1 or (count == 2 and extra in ((_ASSOCIATED,), (_UNASSOCIATED,)) and plain)
    elif colour == _RGB:
        fits = plain and (count == 3 or (count == 4 and extra in ((_ASSOCIATED,), (_UNASSOCIATED,))))
    elif colour == _PALETTE:
        fits = plain and count == 1 and page.tags.valueof(_COLOR_MAP) is not None
    else:
        fits = colour == _YCBCR and page.compression == _JPEG and count == 3 and page.planarconfig == 1
    if not fits:
        raise not_shown_exactly(
            f"PhotometricInterpretation {_words(colour)}, SamplesPerPixel {count}, "
            f"ExtraSamples {_words(extra)}, SampleFormat {_words(kind)}, BitsPerSample {bits}"
        )


def _check_segments(page: Any, data: bytes, limits: Limits) -> None:
    """Raise where a strip or tile is missing, which tifffile would fill, or larger than a picture may be."""
    offsets, counts = page.dataoffsets, page.databytecounts
    segments = int(np.prod(page.chunked))
    if len(offsets) < segments or len(counts) < segments:
        raise ValueError("strips are missing")
    if any(
        offset <= 0 or count <= 0 or offset + count > len(data)
        for offset, count in zip(offsets[:segments], counts[:segments], strict=True)
    ):
        raise ValueError("a strip is not in the file")
    if page.compression == 1 and sum(counts[:segments]) < _plain_size(page):
        raise ValueError("strips are shorter than their rows")  # tifffile would read on into what follows
    if page.is_tiled and page.tilewidth * page.tilelength > limits.max_pixels:
        check_size(page.tilewidth, page.tilelength, limits)
    if page.compression == _JPEG:
        for offset, count in zip(offsets, counts, strict=True):
            check_scans(data[offset : offset + count])


def _plain_size(page: Any) -> int:
    """Bytes of the picture without compression, each row beginning with a whole byte."""
    planes, samples = (1, page.samplesperpixel) if page.planarconfig == 1 else (page.samplesperpixel, 1)
    row = -(-page.imagewidth * samples * page.bitspersample // 8)
    return int(planes * page.imagelength * row)


def _sample_format(page: Any) -> Any:
    kinds = page.tags.valueof(_SAMPLE_FORMAT, 1)
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    return int(kinds[0]) if len(set(kinds)) == 1 else kinds


def _extra_samples(page: Any) -> tuple[int, ...]:
    kinds = page.tags.valueof(_EXTRA_SAMPLES, ())
    return tuple(int(kind) for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))


def _words(value: Any) -> str:
    """A tag's number, or its numbers with commas between."""
    return ", ".join(str(int(each)) for each in value) if isinstance(value, tuple) else str(int(value))


def _pixels_of(page: Any, samples: list[NDArray[Any]], notices: list[Notice]) -> Pixels:
    """samples: of each channel (H, W), in the type that tifffile gives them."""
    bits, colour = page.bitspersample, page.photometric
    if colour == _PALETTE:
        notices.append(PALETTE_EXPANDED)
        return _expanded(samples[0], np.asarray(page.tags.valueof(_COLOR_MAP)), bits)
    if colour in (_WHITE_IS_ZERO, _BLACK_IS_ZERO):
        return _grey(samples, bits, _sample_format(page), colour == _WHITE_IS_ZERO, page, notices)
    if bits > 8:
        notices.append(depth_reduced(bits))
    bytes_ = [_byte(sample, bits) for sample in samples]
    colours = np.stack(bytes_[:3], axis=-1)
    return _composed(colours, bytes_[3:], page, notices)


def _grey(
    samples: list[NDArray[Any]], bits: int, kind: int, white_is_zero: bool, page: Any, notices: list[Notice]
) -> Pixels:
    values = samples[0]
    if kind == _FLOAT:
        return deep.floats(-values if white_is_zero else values, notices)
    if kind == _SIGNED or bits > 16:
        # The complement of what is stored, which is never beyond the ends of the type.
        return deep.integers(_turned(values, bits) if white_is_zero else values, notices)
    shown = _byte(values, bits) if bits <= 8 else values.astype(np.uint16)
    if white_is_zero:
        shown = shown.dtype.type(255 if bits <= 8 else 2**bits - 1) - shown
    if bits > 8:
        shown = deep.integers(shown, notices)
    alpha = [_widened(sample, bits) for sample in samples[1:]]
    return _composed(shown, alpha, page, notices)


def _turned(values: NDArray[Any], bits: int) -> NDArray[Any]:
    return ~values if values.dtype.kind == "i" else values.dtype.type(2**bits - 1) - values


def _composed(colours: Pixels, alpha: Sequence[Pixels], page: Any, notices: list[Notice]) -> Pixels:
    """What lies over black: associated alpha has been multiplied in already (TIFF 6.0, section 18)."""
    if not alpha:
        return colours
    if _extra_samples(page) == (_ASSOCIATED,):
        return over_black(colours, np.full_like(alpha[0], np.iinfo(alpha[0].dtype).max), notices)
    return over_black(colours, alpha[0], notices)


def _byte(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """8 bits: the upper ones of deeper values, and less deep ones spread to 0 to 255."""
    if bits >= 8:
        return np.asarray(values >> (bits - 8), np.uint8)
    most = 2**bits - 1
    return np.asarray((values.astype(np.uint16) * 255 + most // 2) // most, np.uint8)


def _widened(values: NDArray[Any], bits: int) -> Pixels:
    """Alpha in the type of its grey: 8 bits, or 16 whose greatest value is opaque."""
    if bits <= 8:
        return _byte(values, bits)
    return np.asarray((values.astype(np.uint32) * 65535) // (2**bits - 1), np.uint16)


def _expanded(indices: NDArray[Any], table: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """The colours of a table of 16-bit values: all reds, all greens, all blues (TIFF 6.0, section 5).

    Some programs write 8-bit values into it, as libtiff's own tools look out for: then none is above 255.
    """
    if table.size != 3 * 2**bits:
        raise not_shown_exactly(f"ColorMap {table.size}")
    colours = (table if table.max() < 256 else table >> 8).astype(np.uint8).reshape(3, -1).T
    expanded = np.empty((*indices.shape, 3), np.uint8)
    for rows in row_blocks(*indices.shape):
        expanded[rows] = colours[indices[rows].astype(np.uint16)]
    return expanded


def _upright(pixels: Pixels, orientation: int, notices: list[Notice]) -> Pixels:
    """Turned as the orientation tells: 2 to 4 mirror, 5 to 8 swap rows and columns first."""
    if orientation not in range(2, 9):
        return pixels
    notices.append(EXIF_ROTATED)
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels.copy()


FORMAT = ImageFormat("tiff", "TIFF", _matches, _decode)
