"""What a network could read the class from without looking at the picture: mode, bit depth, size, format,
source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats.contingency import association

from inference.training.description.collect import Reading

PROPERTIES = {
    "mode": "colour mode",
    "bit_depth": "bits a channel",
    "size": "size in pixels",
    "file_format": "file format",
    "source": "source",
}
# Cramér's V; Cohen (1988) calls 0.1 a small association.
_NOTABLE = 0.1
# A value that fewer images have tells little.
_LEAST_IMAGES = 10


def describe_properties(readings: Sequence[Reading], classes: Sequence[str]) -> dict[str, Any]:
    """Return, for each property of the files, `counts` (value to class to number), `cramers_v` (None where
    there is one value or one class) and `note`: a sentence where the property gives the class away, or None.
    """
    return {
        name: _property(words, [_value(reading, name) for reading in readings], readings, classes)
        for name, words in PROPERTIES.items()
        if name != "source" or any(reading.entry.source for reading in readings)
    }


def _value(reading: Reading, name: str) -> str:
    if name == "source":
        return reading.entry.source or "not given"
    return str(getattr(reading, name))


def _property(
    words: str, values: Sequence[str], readings: Sequence[Reading], classes: Sequence[str]
) -> dict[str, Any]:
    pairs = Counter(zip(values, (reading.entry.label for reading in readings), strict=True))
    ordered = [value for value, _count in Counter(values).most_common()]
    present = [code for code in classes if any(pairs[value, code] for value in ordered)]
    table = np.array([[pairs[value, code] for code in present] for value in ordered])
    strength = float(association(table, method="cramer")) if min(table.shape) > 1 else None
    return {
        "counts": {value: {code: pairs[value, code] for code in classes} for value in ordered},
        "cramers_v": strength,
        "note": _note(table, ordered, present, words) if strength and strength >= _NOTABLE else None,
    }


def _note(table: NDArray[np.int64], values: Sequence[str], classes: Sequence[str], words: str) -> str | None:
    """Say which value departs most from the classes' shares, weighed by how many images have it."""
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    departure = (table - expected) / np.sqrt(expected)
    departure[table.sum(1) < _LEAST_IMAGES] = 0.0
    row, column = np.unravel_index(np.abs(departure).argmax(), table.shape)
    if departure[row, column] == 0.0:
        return None
    count, total = int(table[row, column]), int(table[row].sum())
    usual = table[:, column].sum() / table.sum()
    return (
        f"This gives the class away: of {total:,} images with {words} {values[row]}, "
        f"{count:,} ({count / total:.1%}) are {classes[column]}, and of all images {usual:.1%}."
    )
