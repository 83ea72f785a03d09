"""NIfTI-1 and NIfTI-2: one volume as its slices, each the way radiologists look at it; of several the one
that the uploader has chosen.

Read from the header's numbers alone: extensions, descriptions and the name in a gzip head are never looked
at.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.errors import ImageError
from inference.formats import deep
from inference.formats.base import DecodedImage, ImageFormat, Intensity, Limits, Notice, Pixels, Source
from inference.formats.packed import check_unpacked
from inference.formats.pillow import every_failure_is_an_image_error, several_frames, too_many_images
from inference.formats.pixels import not_shown_exactly, over_black, without_equal_channels
from inference.formats.placing import placed
from inference.geometry import Geometry, geometry_of

_GZIP = b"\x1f\x8b"
# Size of the header, where its magic stands, and the magic of one file and of a pair.
_KINDS = ((348, 344, b"n+1\0", b"ni1\0"), (540, 4, b"n+2\0", b"ni2\0"))
_MOST = 65535
# A direction of the volume whose steps are so much longer is the one that it was taken in.
_THICK = 1.2
# Of the angle between two directions, its cosine: more is a sheared volume.
_SHEAR = 0.02
_RGB, _RGBA = 128, 2304

_NOT_NUMBERS = Notice("not_numbers_blanked", "Some values are not numbers; they are shown black.")
_SHEARED = Notice(
    "volume_sheared", "The volume's directions are not at right angles; its slices are shown as stored."
)


@dataclass(frozen=True)
class _Volume:
    """values: three axes, or four with colours and alpha last, in the file's own type; affine: to RAS
    millimetres, None where the file does not tell; steps: the sizes of a voxel in mm, as the header has them;
    slope and intercept: to the file's own unit.
    """

    values: NDArray[Any]
    affine: NDArray[np.float64] | None
    steps: tuple[float, float, float]
    slope: float
    intercept: float
    window: tuple[float, float] | None
    # Its place among the volumes of the file, from 0.
    place: int


def join_pair(header: bytes, pixels: bytes) -> bytes:
    """One file of a pair of .hdr and .img, as `FORMAT` reads it."""
    if header.startswith(_GZIP):
        header = _unpacked(header, Limits())
    kind = _kind(header)
    if kind is None:
        return header
    size, at, single, _pair = kind
    if pixels.startswith(_GZIP):
        pixels = _unpacked(pixels, Limits())
    order = _order(header)
    begins = _begin_of_pixels(header, order, size)
    joined = bytearray(header[:size].ljust(size, b"\0") + bytes(4))
    joined[at : at + 4] = single
    packed = struct.pack(f"{order}f", size + 4) if size == 348 else struct.pack(f"{order}q", size + 4)
    place = 108 if size == 348 else 168
    joined[place : place + len(packed)] = packed
    return bytes(joined) + pixels[int(begins) :]


def is_half(data: bytes) -> bool:
    """Whether this is the header of a pair, whose pixels stand in another file."""
    if data.startswith(_GZIP):
        data = _first_unpacked(data)
    kind = _kind(data)
    return kind is not None and data[kind[1] : kind[1] + 4] == kind[3]


def _matches(head: bytes) -> bool:
    return head.startswith(_GZIP) or _kind(head) is not None


def _decode(data: bytes, limits: Limits) -> DecodedImage:
    return next(_decode_all(data, replace(limits, max_images=1)))


def _decode_all(data: bytes, limits: Limits) -> Iterator[DecodedImage]:
    notices: list[Notice] = []
    with every_failure_is_an_image_error("NIfTI", notices):
        volume = _volume(data, limits, notices)
        del data
        axes = _axes(volume)
        count = volume.values.shape[axes[2]]
        if limits.max_images == 1 and count > 1:
            raise several_frames("NIfTI")
        if count > limits.max_images:
            raise too_many_images(count, limits)
        low, high = _ends(volume, notices)
    for place in range(count):
        with every_failure_is_an_image_error("NIfTI", notices):
            image = _slice(volume, axes, place, (low, high), limits, tuple(dict.fromkeys(notices)))
        yield image


def _volume(data: bytes, limits: Limits, notices: list[Notice]) -> _Volume:
    if data.startswith(_GZIP):
        _check_is_packed_nifti(data)
        data = _unpacked(data, limits)
    kind = _kind(data)
    if kind is None:
        raise ValueError("no header")
    if data[kind[1] : kind[1] + 4] == kind[3]:
        raise ImageError(
            "half_a_pair",
            "This is the header of a NIfTI pair. Please upload its .hdr and .img files together.",
        )
    from nibabel import Nifti1Header, Nifti2Header

    header_class: Any = Nifti1Header if kind[0] == 348 else Nifti2Header
    header = header_class.from_fileobj(io.BytesIO(data), check=False)
    shape, volumes = _shape(header)
    chosen = _chosen(volumes, limits)
    values = _values(header, data, shape, chosen)
    slope, intercept = (float(header[name]) for name in ("scl_slope", "scl_inter"))
    if not math.isfinite(slope) or slope == 0 or not math.isfinite(intercept):
        slope, intercept = 1.0, 0.0
    window = (float(header["cal_min"]), float(header["cal_max"]))
    affine = _affine(header)
    if affine is not None and _is_sheared(affine):
        notices.append(_SHEARED)
        affine = None
    is_window = all(map(math.isfinite, window)) and window[1] > window[0]
    shown = window if is_window else None
    return _Volume(values, affine, _steps(header), slope, intercept, shown, chosen)


def _shape(header: Any) -> tuple[tuple[int, int, int], int]:
    """The sizes of one volume, and how many there are."""
    count = int(header["dim"][0])
    if not 1 <= count <= 7:
        raise ValueError("no number of dimensions")
    sizes = [int(size) for size in header["dim"][1 : count + 1]]
    if min(sizes) < 1:
        raise ValueError("an empty dimension")
    sizes += [1] * (3 - len(sizes))
    return (sizes[0], sizes[1], sizes[2]), math.prod(sizes[3:])


def _chosen(volumes: int, limits: Limits) -> int:
    """The place of the volume that is wanted; nobody but the uploader can tell which one that is."""
    if volumes == 1:
        return 0
    if not 1 <= limits.volume <= volumes:
        raise ImageError(
            "volume_missing" if limits.volume else "several_volumes",
            "The file holds several volumes, such as echoes, directions or times. Please say which one is to "
            "be read, as “volume” from 1 to %(volumes)s, and upload it again.",
            volumes=volumes,
        )
    return limits.volume - 1


def _values(header: Any, data: bytes, shape: tuple[int, int, int], chosen: int) -> NDArray[Any]:
    """The stored values of one volume where they stand, without a copy; the first axis runs fastest."""
    code = int(header["datatype"])
    order = "<" if header.endianness == "<" else ">"
    channels = {_RGB: 3, _RGBA: 4}.get(code, 0)
    kind = np.dtype("u1") if channels else np.dtype(header.get_data_dtype()).newbyteorder(order)
    if kind.kind not in "iuf" or kind.itemsize > 8:
        raise not_shown_exactly(f"datatype {code}")
    # Some write none, or one inside of the header.
    begins = max(int(header["vox_offset"]), int(header["sizeof_hdr"]) + 4)
    count = math.prod(shape) * (channels or 1)
    begins += chosen * count * kind.itemsize
    if begins < 0 or begins + count * kind.itemsize > len(data):
        raise ValueError("the pixels are not all there")
    flat = np.frombuffer(data, kind, count, begins)
    if not channels:
        return flat.reshape(shape, order="F")
    return np.moveaxis(flat.reshape((channels, *shape), order="F"), 0, -1)


def _affine(header: Any) -> NDArray[np.float64] | None:
    """To RAS millimetres, by the sform where there is one, else the qform (nifti1.h, method 3 and 2); the
    qform also where the sform is said to be there, but is zeros or no numbers.
    """
    sizes = header["pixdim"]
    # nifti1.h: the sign is -1 or 1, and 0 is 1; a length is none below zero.
    sizes[0] = -1.0 if sizes[0] < 0 else 1.0
    sizes[1:4] = np.abs(sizes[1:4])
    for form in ("sform", "qform"):
        if int(header[f"{form}_code"]) <= 0:
            continue
        affine = np.asarray(getattr(header, f"get_{form}")(), np.float64)
        if np.isfinite(affine).all() and abs(np.linalg.det(affine[:3, :3])) > 1e-9:
            affine[:3] *= _millimetres(header)
            return affine
    return None


def _millimetres(header: Any) -> float:
    """How long the file's unit is (nifti1.h, xyzt_units): 1 metres, 3 micrometres; 0, unknown, is taken for
    millimetres, as everybody does.
    """
    return {1: 1000.0, 3: 0.001}.get(int(header["xyzt_units"]) & 7, 1.0)


def _steps(header: Any) -> tuple[float, float, float]:
    across, along, between = (abs(float(size)) * _millimetres(header) for size in header["pixdim"][1:4])
    return across, along, between


def _is_sheared(affine: NDArray[np.float64]) -> bool:
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    off = np.abs(directions.T @ directions - np.eye(3)).max()
    return bool(off > _SHEAR)


def _axes(volume: _Volume) -> tuple[int, int, int]:
    """The axes of columns, rows and slices: across the longest step where one is, else axial."""
    if volume.affine is None:
        return 0, 1, 2
    matrix = volume.affine[:3, :3]
    steps = np.linalg.norm(matrix, axis=0)
    order = np.argsort(steps)
    if volume.values.shape[2] == 1:
        across = 2
    elif steps[order[2]] > _THICK * steps[order[1]]:
        across = int(order[2])
    else:
        across = int(np.argmax(np.abs(matrix[2]) / steps))
    columns, rows = (axis for axis in range(3) if axis != across)
    return columns, rows, across


def _ends(volume: _Volume, notices: list[Notice]) -> tuple[float, float]:
    """The least and the greatest value of the volume: what all of its slices are scaled by. Values far
    outside, which would leave the others no greys, do not count.
    """
    values = volume.values
    if values.dtype.kind != "f":
        low, high = float(values.min()), float(values.max())
        if high - min(low, 0.0) <= _MOST:
            return low, high
        return deep.range_of_measured(_slice_by_slice(values), notices)
    flat = _slice_by_slice(values)
    finite = [int(np.isfinite(part).sum()) for part in flat]
    if sum(finite) < values.size:
        notices.append(_NOT_NUMBERS)
    if not any(finite):
        raise ImageError("colour_unsupported", "None of the values in the file is a number.")
    low, high = deep.range_of_measured(flat, notices)
    if not math.isfinite(high - low):
        raise not_shown_exactly(f"values from {low:g} to {high:g}")
    notices.append(
        Notice("floats_scaled", "The file stores floating-point values; they were scaled to 16 bits.")
    )
    return low, high


def _slice_by_slice(values: NDArray[Any]) -> NDArray[Any]:
    """The same values, a slice a row: the last axis runs slowest, so that nothing is copied."""
    return values.T.reshape(values.shape[-1], -1)


def _slice(
    volume: _Volume,
    axes: tuple[int, int, int],
    place: int,
    ends: tuple[float, float],
    limits: Limits,
    notices: tuple[Notice, ...],
) -> DecodedImage:
    """notices: of the whole volume, which each slice tells."""
    columns, rows, across = axes
    # A view: np.take copies the whole volume for each slice, since its first axis runs fastest.
    taken = np.moveaxis(volume.values, across, 0)[place]
    # What is left of the axes is (first, second): rows of the picture are the second.
    plane = taken.swapaxes(0, 1)
    said = list(notices)
    if plane.ndim == 3:
        pixels, intensity = without_equal_channels(_colours(plane, said)), Intensity()
    else:
        pixels, intensity = _greys(volume, plane, ends)
    pixels, geometry, _ = placed(pixels, _geometry(volume, (columns, rows, across), place), 1.0, limits, said)
    frame = volume.place * volume.values.shape[across] + place
    return DecodedImage(
        pixels, "nifti", tuple(dict.fromkeys(said)), geometry, intensity, Source(number=place + 1), frame
    )


def _colours(plane: NDArray[np.uint8], notices: list[Notice]) -> Pixels:
    """plane: (H, W, 3), or 4 with alpha last, which most programs leave opaque."""
    colours = np.ascontiguousarray(plane[..., :3])
    is_opaque = plane.shape[-1] == 3 or (plane[..., 3] == 255).all()
    return colours if is_opaque else over_black(colours, np.ascontiguousarray(plane[..., 3]), notices)


def _greys(volume: _Volume, plane: NDArray[Any], ends: tuple[float, float]) -> tuple[Pixels, Intensity]:
    """Greys proportional to the values, on one scale for all slices: dark is the lowest value."""
    low, high = ends
    falls = volume.slope < 0
    is_byte = plane.dtype.itemsize == 1 and plane.dtype.kind == "u"
    if plane.dtype.kind == "f" or high - min(low, 0.0) > _MOST:
        step = (high - low) / _MOST or 1.0
    else:
        low, step = min(low, 0.0), 1.0
    pixels = deep.stepped(plane, low, high, step, np.uint8 if is_byte else np.uint16, falls=falls)
    slope = -volume.slope * step if falls else volume.slope * step
    intercept = volume.slope * (high if falls else low) + volume.intercept
    if volume.window is None:
        return pixels, Intensity(slope, intercept).finite()
    shown = sorted((end - intercept) / slope for end in volume.window)
    return pixels, Intensity(slope, intercept, ((shown[0], shown[1]),)).finite()


def _geometry(volume: _Volume, axes: tuple[int, int, int], place: int) -> Geometry:
    """From RAS, in which NIfTI counts, to the patient's left, back and head."""
    columns, rows, across = axes
    if volume.affine is None:
        sizes = volume.steps
        return geometry_of(None, None, None, (sizes[rows], sizes[columns]), sizes[across])
    to_patient = np.diag([-1.0, -1.0, 1.0])
    matrix = to_patient @ volume.affine[:3, :3]
    steps = np.linalg.norm(matrix, axis=0)
    corner = np.zeros(3)
    corner[across] = place
    position = to_patient @ volume.affine[:3, 3] + matrix @ corner
    return geometry_of(
        matrix[:, columns] / steps[columns],
        matrix[:, rows] / steps[rows],
        position,
        (steps[rows], steps[columns]),
        float(steps[across]),
    )


def _kind(head: bytes) -> tuple[int, int, bytes, bytes] | None:
    for kind in _KINDS:
        size, at, single, pair = kind
        if head[at : at + 4] in (single, pair) and size in (_size(head, "<"), _size(head, ">")):
            return kind
    return None


def _size(head: bytes, order: str) -> int:
    found: int = struct.unpack_from(f"{order}i", head)[0]
    return found


def _order(head: bytes) -> str:
    return "<" if _size(head, "<") in (348, 540) else ">"


def _begin_of_pixels(header: bytes, order: str, size: int) -> float:
    """Where the pixels begin; in a pair most programs leave it zero."""
    place, kind = (108, "f") if size == 348 else (168, "q")
    found = float(struct.unpack_from(f"{order}{kind}", header, place)[0])
    return found if math.isfinite(found) and found > 0 else 0.0


def _check_is_packed_nifti(data: bytes) -> None:
    if _kind(_first_unpacked(data)) is None:
        raise ImageError(
            "unsupported_format",
            "This gzip file holds no NIfTI volume. Please upload what is in it.",
        )


def _first_unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(data[:65536], 600)
    except zlib.error:
        return b""


def _unpacked(data: bytes, limits: Limits) -> bytes:
    size = check_unpacked(data, limits, wbits=16 + zlib.MAX_WBITS)
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        return stream.read(size)


FORMAT = ImageFormat("nifti", "NIfTI", _matches, _decode, _decode_all)
