"""A model's weights and the arrays of its input gate: one plain numpy archive, read without a network."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.errors import ManifestError

# Arrays of the input gate lie in the same archive, under names that no layer has.
GATE_PREFIX = "gate/"


def read_archive(data: bytes) -> dict[str, NDArray[np.generic]]:
    """Return all arrays by their names. Raises ManifestError weights_mismatch where it is no such archive."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return {path: archive[path] for path in archive.files}
    except (ValueError, OSError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise ManifestError(
            "weights_mismatch", f"The weights cannot be read. Received {len(data):,} bytes."
        ) from error


def parameter_count(path: Path) -> int:
    """Return how many numbers the layers hold, without the gate's. Raises ManifestError weights_mismatch."""
    arrays = read_archive(path.read_bytes())
    return sum(array.size for name, array in arrays.items() if not name.startswith(GATE_PREFIX))


def read_gate(path: Path) -> dict[str, NDArray[np.generic]]:
    """Return the gate's arrays alone, by their own names; the layers' are not unpacked.

    Raises ManifestError weights_mismatch.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {
                name.removeprefix(GATE_PREFIX): archive[name]
                for name in archive.files
                if name.startswith(GATE_PREFIX)
            }
    except (ValueError, OSError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise ManifestError(
            "weights_mismatch", f"The weights cannot be read. Received {path.name!r}."
        ) from error
