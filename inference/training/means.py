"""Means with 95 % intervals that respect patients: whole groups are drawn, with replacement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.training.intervals import drawn_sums, interval_of

DRAWS = 1000


def mean_of(
    values: Sequence[float] | NDArray[Any], groups: Sequence[str] | None, *, draws: int = DRAWS, seed: int = 0
) -> dict[str, Any]:
    """Return {"mean": m, "interval": [low, high]}; without two groups there is no interval: draws of the only
    one are all alike.

    values: (N,), N at least 1, truth values count as 0 and 1. groups: (N,) the group of each. The same groups
    and seed give the same draws. An interval of zero width says that no draw could differ, as where a share
    is exactly 0: it is no proof that the share is 0 elsewhere.
    """
    numbers = np.asarray(values, np.float64)
    result: dict[str, Any] = {"mean": float(numbers.mean())}
    if groups is not None and len(set(groups)) > 1:
        result["interval"] = interval_of(_drawn(numbers, groups, draws, seed))
    return result


def known_groups(groups: Sequence[str | None]) -> list[str] | None:
    """Return the groups where every image has one, and there are two or more: intervals over some of the
    images would mislead, and one group tells nothing of how groups differ.
    """
    known = [group for group in groups if group is not None]
    return known if len(known) == len(groups) and len(set(known)) > 1 else None


def _drawn(values: NDArray[np.float64], groups: Sequence[str], draws: int, seed: int) -> NDArray[np.float64]:
    """(D,): the mean over the images of the drawn groups."""
    totals = drawn_sums(np.column_stack([values, np.ones_like(values)]), groups, draws=draws, seed=seed)
    means: NDArray[np.float64] = totals[:, 0] / totals[:, 1]
    return means
