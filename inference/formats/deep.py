"""Values that are no plain grey of 8 or 16 bits: signed, of more than 16 bits, or floating-point."""

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
_TAIL = 0.002


def integers(values: NDArray[Any], notices: list[Notice]) -> Pixels:
    """Signed or wide integers (H, W): kept as they are where 16 bits hold them, moved up where there are
    negative ones, else scaled to 16 bits.

    Signed 8-bit values move by 128, whatever the least of them is: the picture is then the one that its
    unsigned twin shows.
    """
    if values.dtype == np.int8:
        return _signed_bytes(values, notices)
    lowest, highest = (
        _range_shown(values, notices) if values.dtype.itemsize > 2 else (int(values.min()), int(values.max()))
    )
    lowest, highest = int(lowest), int(highest)
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
    return _stretched(values, *_range_shown(values, notices))


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


def _range_shown(values: NDArray[Any], notices: list[Notice]) -> tuple[Any, Any]:
    """The least and the greatest value, without fill values and outliers; if any were left out, it is said.

    One pixel of 1e9, or a border of -9999, would otherwise take all grey levels from the picture. Judged on
    at most about a million pixels and both ends, since a sorted copy of all would be another picture.
    """
    ends = np.array([values.min(), values.max()])
    flat = values.reshape(-1)
    sample = np.sort(_exact(np.append(flat[:: max(1, flat.size // _SAMPLE)], ends)))
    low, high = _without_outliers(_without_fill(sample))
    if low <= sample[0] and high >= sample[-1]:
        return _exact(ends)[0], _exact(ends)[1]
    notices.append(
        Notice(
            "range_limited",
            "Some values lay far outside of all others; they are shown as the darkest or brightest grey.",
        )
    )
    lowest, highest = sample[-1], sample[0]
    for rows in row_blocks(*values.shape):
        part = _exact(values[rows])
        kept = part[(part >= low) & (part <= high)]
        if kept.size:
            lowest, highest = min(lowest, kept.min()), max(highest, kept.max())
    return lowest, highest


def _without_fill(ordered: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """The sorted values without the one at each end that stands far off from all others."""
    for _ in range(2):  # once more for a value that hides behind one at the other end
        above = ordered[np.searchsorted(ordered, ordered[0], side="right") :]
        if _stands_off(ordered[0], above):
            ordered = above
        below = ordered[: np.searchsorted(ordered, ordered[-1], side="left")]
        if _stands_off(ordered[-1], below):
            ordered = below
    return ordered


def _stands_off(value: Any, others: NDArray[np.floating[Any]]) -> bool:
    if np.unique(others).size < _FEWEST_VALUES:
        return False
    cut = int(others.size * _TAIL)
    gap = max(others[0] - value, value - others[-1])
    return bool(gap > _FILL_GAP * (others[-1 - cut] - others[cut]))


def _without_outliers(ordered: NDArray[np.floating[Any]]) -> tuple[Any, Any]:
    """Bounds of what lies within one span of the middle 99.6 %; of everything where the middle is one
    value.
    """
    cut = int(ordered.size * _TAIL)
    low, high = ordered[cut], ordered[-1 - cut]
    if high <= low:
        return ordered[0], ordered[-1]
    return max(ordered[0], 2 * low - high), min(ordered[-1], 2 * high - low)
