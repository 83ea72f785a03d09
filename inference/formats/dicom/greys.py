"""From stored values to greys: padding, modality LUT, window; PS3.3, C.7.5.1.1.2, C.11.1 and C.11.2.

Greys stay proportional to the modality values, in full depth; windows are told beside them, in greys. What
is not linear, a VOI LUT or a sigmoid, cannot be a window: it is applied, in 16 bits. MONOCHROME1 is turned
last, over what is shown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.errors import ImageError
from inference.formats import deep
from inference.formats.base import Intensity, Notice, Pixels
from inference.formats.dicom.header import Header

Values: TypeAlias = NDArray[Any]

_MOST = 65535
_WINDOW = "FrameVOILUTSequence"
_RESCALE = "PixelValueTransformationSequence"
_PADDED = Notice("padding_blanked", "The file marks some pixels as padding; they are shown black.")
_VOI_APPLIED = Notice(
    "voi_applied", "The file's own curve from values to greys is not a straight line; it was applied."
)


@dataclass(frozen=True)
class Stored:
    """One frame as it stands in the file. values: (H, W) of integers whose unused bits are cut off, or of
    floating-point; bits: how many count; padding: bool (H, W), or None where there is none.
    """

    values: Values
    bits: int
    is_signed: bool
    padding: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Scale:
    """Modality values as greys, the same in all frames of a file: value = low + step * grey."""

    low: float
    step: float


def stored(header: Header, raw: Values, *, is_exact: bool) -> Stored:
    """The values without what stands in the unused bits: overlays, or what a program left there.

    raw: (H, W) in the type of Bits Allocated and Pixel Representation. is_exact: no bit was lost on the way,
    so that the unused ones may hold anything, also of what is compressed.
    """
    if raw.dtype.kind == "f":
        return Stored(raw, 64, is_signed=True, padding=None)
    allocated = raw.dtype.itemsize * 8
    bits = int(header.number("BitsStored") or allocated)
    bits = bits if 1 <= bits <= allocated else allocated
    is_signed = raw.dtype.kind == "i"
    padding = _padding(header, raw)
    high = int(header.number("HighBit") or bits - 1) if is_exact else bits - 1
    high = high if bits - 1 <= high < allocated else bits - 1
    values = raw
    if bits < allocated and (is_exact or _reach_beyond(raw, bits, is_signed)):
        # To the top, where what is above falls off, and back down with the sign.
        values = (raw << (allocated - 1 - high)) >> (allocated - bits)
    return Stored(values, bits, is_signed, padding)


def _reach_beyond(raw: Values, bits: int, is_signed: bool) -> bool:
    """Whether bits above the ones that count are set: not where a lossy codec went a little too far."""
    least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if is_signed else (0, 2**bits - 1)
    spare = 2**bits // 16
    return bool(raw.min() < least - spare or raw.max() > most + spare)


def greys(
    header: Header, frame: Stored, scale: Scale | None, notices: list[Notice]
) -> tuple[Pixels, Intensity]:
    """Return uint8 or uint16 (H, W) and what it stands for. scale: where frames differ in their rescale."""
    is_inverted = header.text("PhotometricInterpretation") == "MONOCHROME1"
    line = _modality(header, frame)
    curve = _curve(header, line)
    pixels: Pixels
    if curve is not None:
        notices.append(_VOI_APPLIED)
        pixels = np.rint((1.0 - curve if is_inverted else curve) * _MOST).astype(np.uint16)
        intensity = Intensity(windows=((0.0, float(_MOST)),))
    else:
        pixels, intensity = _linear(line, is_inverted, scale, notices)
        intensity = Intensity(intensity.slope, intensity.intercept, _in_greys(header, intensity))
    if frame.padding is not None:
        pixels[frame.padding] = pixels[~frame.padding].min()
        notices.append(_PADDED)
    return pixels, intensity.finite()


def common_scale(headers: list[Header], bits: int, is_signed: bool) -> Scale | None:
    """A scale for frames whose rescale differs (dcm2niix#363), from what their values could be; None where
    one rescale serves all. The finest frame keeps its steps, unless 16 bits cannot hold the others then.
    """
    rescales = [_rescale(header) for header in headers]
    if len(set(rescales)) < 2:
        return None
    ends = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if is_signed else (0, 2**bits - 1)
    reached = [slope * end + intercept for slope, intercept in rescales for end in ends]
    low, high = min(reached), max(reached)
    step = max(min(abs(slope) for slope, _ in rescales), (high - low) / _MOST)
    return Scale(low, step)


def _rescale(header: Header) -> tuple[float, float]:
    slope = header.number("RescaleSlope", _RESCALE)
    intercept = header.number("RescaleIntercept", _RESCALE)
    # A slope of zero makes one value of all: no program means it.
    return slope or 1.0, intercept or 0.0


@dataclass(frozen=True)
class _Line:
    """Values whose modality values are slope * value + intercept; the rest as in Stored."""

    values: Values
    bits: int
    is_signed: bool
    slope: float
    intercept: float
    padding: NDArray[np.bool_] | None

    def modality(self) -> Values:
        found: Values = self.values * self.slope + self.intercept
        return found


def _modality(header: Header, frame: Stored) -> _Line:
    """By the table of the file, or its straight line."""
    table = _table(header, "ModalityLUTSequence", frame.is_signed)
    if table is None:
        return _Line(frame.values, frame.bits, frame.is_signed, *_rescale(header), frame.padding)
    return _Line(table.looked_up(frame.values), table.bits, False, 1.0, 0.0, frame.padding)


def _linear(
    line: _Line, is_inverted: bool, scale: Scale | None, notices: list[Notice]
) -> tuple[Pixels, Intensity]:
    """Greys on a straight line: dark is the lowest modality value, or the highest where it is inverted."""
    if scale is not None:
        line = replace(line, values=line.modality(), slope=1.0, intercept=0.0)
    falls = (line.slope < 0) != is_inverted
    low, high, step = _grid(line, scale, notices)
    if low < 0 and not falls:
        notices.append(
            Notice("values_shifted", f"The file has negative values; all values were raised by {-low:g}.")
        )
    if step != 1 and line.bits > 16:
        notices.append(
            Notice(
                "values_scaled",
                "The file stores values that 16 bits cannot hold; they were scaled to 16 bits.",
            )
        )
    kind = np.uint16 if line.bits > 8 or scale is not None else np.uint8
    pixels = deep.stepped(line.values, low, high, step, kind, falls=falls)
    if falls:
        return pixels, Intensity(-line.slope * step, line.slope * high + line.intercept)
    return pixels, Intensity(line.slope * step, line.slope * low + line.intercept)


def _grid(line: _Line, scale: Scale | None, notices: list[Notice]) -> tuple[float, float, float]:
    """The value of the least grey, that of the greatest, and the step between greys."""
    if scale is not None:
        return scale.low, scale.low + scale.step * _MOST, scale.step
    if line.bits <= 8:
        least = -(2.0 ** (line.bits - 1)) if line.is_signed else 0.0
        most = least + 2**line.bits - 1
        return least, most, (2**line.bits - 1) / 255
    if line.bits <= 16 and not line.is_signed:
        return 0.0, 2.0**line.bits - 1, 1.0
    counted = line.values if line.padding is None else line.values[~line.padding]
    least, most = float(counted.min()), float(counted.max())
    if not np.isfinite([least, most]).all():
        raise ImageError(
            "colour_unsupported",
            "The file stores floating-point values of which some are not numbers. "
            "Please export it with 8 or 16 bits. Received infinite or undefined values.",
        )
    if line.values.dtype.kind == "f" or most - min(least, 0.0) > _MOST:
        least, most = deep.range_of_measured(counted.reshape(-1, 1), notices)
    if line.values.dtype.kind == "f":
        return least, most, (most - least) / _MOST or 1.0
    least = min(least, 0.0)
    return least, most, max(1.0, (most - least) / _MOST)


def _in_greys(header: Header, intensity: Intensity) -> tuple[tuple[float, float], ...]:
    """The file's windows, as the greys that become black and white (PS3.3, C.11.2.1.2 and C.11.2.1.3)."""
    if intensity.slope is None or intensity.intercept is None:
        return ()
    found = []
    for low, high in _windows(header):
        ends = sorted((end - intensity.intercept) / intensity.slope for end in (low, high))
        found.append((ends[0], ends[1]))
    return tuple(dict.fromkeys(found))


def _windows(header: Header) -> list[tuple[float, float]]:
    centres, widths = header.numbers("WindowCenter", _WINDOW), header.numbers("WindowWidth", _WINDOW)
    is_exact = header.text("VOILUTFunction", _WINDOW) == "LINEAR_EXACT"
    windows = []
    for centre, width in zip(centres, widths, strict=False):
        if is_exact and width > 0:
            windows.append((centre - width / 2, centre + width / 2))
        elif not is_exact and width > 1:
            windows.append((centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2))
        elif not is_exact and width == 1:  # a threshold: black up to the centre less a half, white above
            windows.append((centre - 0.5, centre - 0.5 + 1e-3))
    return windows


def _curve(header: Header, line: _Line) -> NDArray[np.float64] | None:
    """What is shown, 0 to 1, where the file has a curve and no straight line; None otherwise.

    Where it has a table and windows, each is a choice of its own (C.11.2.1): a window keeps the depth.
    """
    centre, width = header.number("WindowCenter", _WINDOW), header.number("WindowWidth", _WINDOW)
    is_sigmoid = header.text("VOILUTFunction", _WINDOW) == "SIGMOID"
    if is_sigmoid and centre is not None and width is not None and width > 0:
        exponent = np.clip(-4 * (line.modality() - centre) / width, -500, 500)
        shares: NDArray[np.float64] = 1 / (1 + np.exp(exponent))
        return shares
    if _windows(header):
        return None
    table = _table(header, "VOILUTSequence", is_signed=True)
    if table is None:
        return None
    return table.looked_up(np.rint(line.modality())) / float(2**table.bits - 1)


@dataclass(frozen=True)
class _Table:
    entries: Values
    first: int
    bits: int

    def looked_up(self, values: Values) -> Values:
        places = np.clip(values.astype(np.int64) - self.first, 0, len(self.entries) - 1)
        found: Values = self.entries[places]
        return found


def _table(header: Header, keyword: str, is_signed: bool) -> _Table | None:
    sequence = header.get(keyword)
    if not sequence:
        return None
    item: Dataset = sequence[0]
    inside = Header(item, 0)
    descriptor = inside.numbers("LUTDescriptor")
    data = inside.get("LUTData")
    if len(descriptor) != 3 or data is None:
        return None
    count, first, bits = (int(number) for number in descriptor)
    count = count % 2**16 or 2**16
    if is_signed and first >= 2**15:  # read as unsigned where it is signed
        first -= 2**16
    entries = _entries(data, count, header)
    if entries.size < count:
        raise ValueError("the table is shorter than it says")
    bits = bits if 8 <= bits <= 16 else 16
    # Some write 8-bit tables that say 16, or the other way round.
    bits = bits if entries[:count].max() < 2**bits else 16
    return _Table(entries[:count], first, bits)


def _entries(data: Any, count: int, header: Header) -> Values:
    if not isinstance(data, bytes | bytearray):
        return np.asarray(data, np.int64).reshape(-1) % 2**16
    order = "<" if header.dataset.original_encoding[1] is not False else ">"
    kind = "u1" if len(data) < 2 * count else f"{order}u2"
    return np.frombuffer(data, kind).astype(np.int64)


def _padding(header: Header, raw: Values) -> NDArray[np.bool_] | None:
    """Where the pixels are padding (C.7.5.1.1.2), as they stand in the file; None where nothing or all is."""
    value, limit = header.number("PixelPaddingValue"), header.number("PixelPaddingRangeLimit")
    if value is None:
        return None
    ends = sorted(_as_stored(end, raw) for end in (value, value if limit is None else limit))
    padding: NDArray[np.bool_] = (raw >= ends[0]) & (raw <= ends[1])
    return padding if padding.any() and not padding.all() else None


def _as_stored(value: float, raw: Values) -> int:
    """The number that a pixel of this type holds: its representation is said twice, and often wrong once."""
    whole, span = int(value), 1 << 8 * raw.dtype.itemsize
    if raw.dtype.kind == "i":
        return whole - span if whole >= span // 2 else whole
    return whole % span
