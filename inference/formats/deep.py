"""Values that are no plain grey of 8 bits: of 16 and more, signed, or floating-point; and those among them
that lie far outside of all others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.errors import ImageError
from inference.formats.base import Notice, Pixels, row_blocks

_MOST = 65535
# A fill value stands further from the next value than three times all that the others span.
_FILL_GAP = 3.0
# Fewer are a mask of some classes, whose values all count.
_FEWEST_VALUES = 16
_SAMPLE = 2**20
# What the greys of a picture may shrink to before single values far outside are left out.
_FEWEST_LEVELS = 1000
_TAIL = 0.002


def integers(values: NDArray[Any], notices: list[Notice]) -> Pixels:
    """Signed, 16-bit or wider integers (H, W): kept as they are where 16 bits hold them, moved up where there
    are negative ones, else scaled to 16 bits.

    Signed 8-bit values move by 128, whatever the least of them is: the picture is then the one that its
    unsigned twin shows.
    """
    if values.dtype == np.int8:
        return _signed_bytes(values, notices)
    lowest, highest = map(int, range_shown(values, notices))
    if highest - min(lowest, 0) > _MOST:
        notices.append(
            Notice(
                "values_scaled",
                "The file stores values that 16 bits cannot hold; they were scaled to 16 bits.",
            )
        )
        return _stretched(values, lowest, highest)
    if lowest < 0:
        notices.append(
            Notice("values_shifted", f"The file has negative values; all values were raised by {-lowest}.")
        )
    kept = np.empty(values.shape, np.uint16)
    for rows in row_blocks(*values.shape):
        part = np.clip(values[rows], lowest, highest)
        # What the type of the file cannot hold once it is raised, 64 bits can.
        kept[rows] = part if lowest >= 0 else part.astype(np.int64) - lowest
    return kept


def floats(values: NDArray[Any], notices: list[Notice]) -> NDArray[np.uint16]:
    """Floating-point values (H, W), stretched linearly over 16 bits from the least to the greatest; what lies
    far outside of all others is shown as the darkest or the brightest grey.
    """
    if not np.isfinite(values).all():
        raise ImageError(
            "colour_unsupported",
            "The file stores floating-point values of which some are not numbers. "
            "Please export it with 8 or 16 bits. Received infinite or undefined values.",
        )
    notices.append(
        Notice("floats_scaled", "The file stores floating-point values; they were scaled to 16 bits.")
    )
    return _stretched(values, *range_shown(values, notices))


def _signed_bytes(values: NDArray[np.int8], notices: list[Notice]) -> NDArray[np.uint8]:
    if values.min() >= 0:
        return values.astype(np.uint8)
    notices.append(Notice("values_shifted", "The file has negative values; all values were raised by 128."))
    return values.view(np.uint8) ^ np.uint8(128)


def _stretched(values: NDArray[Any], lowest: float, highest: float) -> NDArray[np.uint16]:
    scaled = np.zeros(values.shape, np.uint16)
    if highest <= lowest:
        return scaled
    for rows in row_blocks(*values.shape):
        share = (_exact(values[rows]) - lowest) / (highest - lowest)
        scaled[rows] = np.rint(np.clip(share, 0.0, 1.0) * _MOST)
    return scaled


def _exact(values: NDArray[Any]) -> NDArray[np.floating[Any]]:
    """In a type that holds the differences too: of 64-bit integers, and of the ends of what 64 bits hold."""
    return values.astype(np.longdouble if values.dtype.itemsize > 4 else np.float64)


def range_shown(values: NDArray[Any], notices: list[Notice]) -> tuple[Any, Any]:
    """The least and the greatest value, without fill values and outliers; if any were left out, it is said.

    values: (H, W), of which some are finite; the others do not count. One pixel of 1e9, or a border of -9999,
    would otherwise take all grey levels from the picture. What cannot lie that far out, 16 bits, loses
    nothing but a value that is clearly a fill value.
    """
    lowest, highest = _ends(values)
    ends = _exact(np.array([lowest, highest]))
    levels, counts = _levels(values, np.array([lowest, highest]))
    bounds = _between_fill if values.dtype.itemsize <= 2 else _without_outliers
    low, high = bounds(levels, *_without_fill(levels, counts))
    if low <= ends[0] and high >= ends[1]:
        return ends[0], ends[1]
    notices.append(
        Notice(
            "range_limited",
            "Some values lay far outside of all others; they are shown as the darkest or brightest grey.",
        )
    )
    lowest, highest = ends[1], ends[0]
    for rows in row_blocks(*values.shape):
        part = _exact(values[rows])
        kept = part[(part >= low) & (part <= high)]
        if kept.size:
            lowest, highest = min(lowest, kept.min()), max(highest, kept.max())
    return lowest, highest


def range_of_measured(values: NDArray[Any], notices: list[Notice]) -> tuple[float, float]:
    """As `range_shown`, of values in a unit, such as a hospital's: all of them count, unless that left the
    others hardly any grey levels.
    """
    said: list[Notice] = []
    (least, most), (low, high) = _exact(np.array(_ends(values))), range_shown(values, said)
    if (most - least) * _FEWEST_LEVELS <= (high - low) * _MOST:
        return float(least), float(most)
    notices += said
    return float(low), float(high)


def stepped(
    values: NDArray[Any],
    low: float,
    high: float,
    step: float,
    kind: type[np.unsignedinteger[Any]],
    *,
    falls: bool,
) -> Pixels:
    """Values (H, W) as greys of this type: black at `low`, and each grey a step more; where they fall, black
    at `high`, and each grey a step less. What is no number is black.
    """
    most = np.iinfo(kind).max
    greys = np.empty(values.shape, kind)
    for rows in row_blocks(*values.shape):
        wide = values[rows].astype(np.float64)
        steps = np.nan_to_num((high - wide if falls else wide - low) / step, nan=0.0, posinf=0.0, neginf=0.0)
        greys[rows] = np.rint(np.clip(steps, 0, most))
    return greys


def _ends(values: NDArray[Any]) -> tuple[Any, Any]:
    """The least and the greatest finite value, in the type of the file."""
    if values.dtype.kind != "f":
        return values.min(), values.max()
    ends: list[Any] = []
    for rows in row_blocks(*values.shape):
        part = values[rows]
        finite = part[np.isfinite(part)]
        ends += [finite.min(), finite.max()] if finite.size else []
    return min(ends), max(ends)


def _levels(values: NDArray[Any], ends: NDArray[Any]) -> tuple[NDArray[np.floating[Any]], NDArray[np.intp]]:
    """The different values in their order, and how often each comes.

    Of at most about a million pixels and both ends, since a sorted copy of all would be another picture.
    """
    flat = values.reshape(-1)
    sample = flat[:: max(1, flat.size // _SAMPLE)]
    if sample.dtype.kind == "f":
        sample = sample[np.isfinite(sample)]
    levels, counts = np.unique(np.append(sample, ends), return_counts=True)
    return _exact(levels), counts


def _without_fill(
    levels: NDArray[np.floating[Any]], counts: NDArray[np.intp]
) -> tuple[NDArray[np.floating[Any]], NDArray[np.intp]]:
    """The levels without the one at each end that stands far off from all others."""
    for _ in range(2):  # once more for a value that hides behind one at the other end
        for fill, others in ((0, slice(1, None)), (-1, slice(None, -1))):
            if _stands_off(levels[fill], levels[others], counts[others]):
                levels, counts = levels[others], counts[others]
    return levels, counts


def _stands_off(value: Any, levels: NDArray[np.floating[Any]], counts: NDArray[np.intp]) -> bool:
    if levels.size < _FEWEST_VALUES:
        return False
    low, high = _middle(levels, counts)
    # Where nearly all is one value, such as an empty background, the few others tell the span.
    span = high - low if high > low else levels[-1] - levels[0]
    gap = max(levels[0] - value, value - levels[-1])
    return bool(gap > _FILL_GAP * span)


def _middle(levels: NDArray[np.floating[Any]], counts: NDArray[np.intp]) -> tuple[Any, Any]:
    """The ends of the middle 99.6 % of the pixels."""
    up_to = np.cumsum(counts)
    cut = int(up_to[-1] * _TAIL)
    low, high = np.searchsorted(up_to, [cut, up_to[-1] - 1 - cut], side="right")
    return levels[low], levels[high]


def _between_fill(
    every: NDArray[np.floating[Any]], levels: NDArray[np.floating[Any]], counts: NDArray[np.intp]
) -> tuple[Any, Any]:
    """Bounds half-way between the levels and the fill values beside them: not every pixel was looked at."""
    low = levels[0] if levels[0] == every[0] else (every[every < levels[0]][-1] + levels[0]) / 2
    high = levels[-1] if levels[-1] == every[-1] else (every[every > levels[-1]][0] + levels[-1]) / 2
    return low, high


def _without_outliers(
    every: NDArray[np.floating[Any]], levels: NDArray[np.floating[Any]], counts: NDArray[np.intp]
) -> tuple[Any, Any]:
    """Bounds of what lies within one span of the middle 99.6 %; of everything where the middle is one
    value.
    """
    low, high = _middle(levels, counts)
    if high <= low:
        return levels[0], levels[-1]
    return max(levels[0], 2 * low - high), min(levels[-1], 2 * high - low)
