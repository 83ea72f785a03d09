"""Candidates set beside each other on images that none of them was trained on, and the choice among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.training.intervals import Draws, bootstrap, interval_of, intervals_of
from inference.training.metrics import Figures, score

MARGIN = 0.01
RULE = (
    "The highest macro F1 is the best. A candidate counts as its equal where it loses at most "
    f"{MARGIN:.2f} of macro F1 and the 95 % interval of the paired difference includes 0. "
    "Among the equals the one with the fewest parameters is chosen, and among those the one "
    "with the higher macro F1."
)


@dataclass(frozen=True, eq=False)
class Scored:
    """The images that every candidate is scored on, N of them in one order.

    truth: int64 (N,), indices into codes. groups: (N,), the patient or exam of each. distinct: bool (N,), one
    image a slice; None where the data do not tell copies apart.
    """

    truth: NDArray[np.int64]
    groups: Sequence[str]
    distinct: NDArray[np.bool_] | None
    codes: tuple[str, ...]


@dataclass(frozen=True)
class FoldModel:
    """One trained model of a candidate, which saw neither training_folds nor stopping_folds of its `fold`.

    run: <recipe>-fold<fold>, which names its files. stopping_folds: chose epoch and learning rate; empty
    under a fixed schedule. epochs: how many its history holds.
    """

    fold: int
    run: str
    weights_sha256: str
    training_folds: tuple[int, ...]
    stopping_folds: tuple[int, ...]
    epochs: int


@dataclass(frozen=True, eq=False)
class Candidate:
    """A recipe's models and what they say. probabilities: float64 (N, C), every row from the model that did
    not see its fold. weights_bytes: of the largest weights file.
    """

    recipe: str
    title: str
    parameters: int
    weights_bytes: int
    models: tuple[FoldModel, ...]
    probabilities: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Measured:
    """Figures and, of the same shape, their 95 % intervals; draws: the figures of every draw."""

    figures: Figures
    interval: dict[str, Any]
    draws: Draws

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {**self.figures.as_dict(), "interval": self.interval}


@dataclass(frozen=True)
class Difference:
    """macro_f1: a candidate's less the best one's; interval: 95 %, from draws that both share."""

    macro_f1: float
    interval: tuple[float, float]

    @property
    def is_none(self) -> bool:
        """Whether the candidate counts as the best one's equal."""
        low, high = self.interval
        return self.macro_f1 >= -MARGIN and low <= 0.0 <= high


@dataclass(frozen=True, eq=False)
class Row:
    """One candidate's line. ranked: on distinct slices, where the data tell, else on all images as
    `everything` is.
    """

    candidate: Candidate
    ranked: Measured
    everything: Measured
    difference: Difference


@dataclass(frozen=True, eq=False)
class Comparison:
    """rows: the best first. on_distinct: whether the ranking is over one image a slice."""

    rows: tuple[Row, ...]
    chosen: str
    on_distinct: bool

    @property
    def best(self) -> str:
        """The recipe with the highest macro F1."""
        return self.rows[0].candidate.recipe


def compare(
    candidates: Sequence[Candidate], scored: Scored, *, draws: int = 1000, seed: int = 0
) -> Comparison:
    """Rank at least one candidate by macro F1 and choose by RULE."""
    everything = [_measure(each.probabilities, scored, None, draws, seed) for each in candidates]
    ranked = everything
    if scored.distinct is not None:
        ranked = [_measure(each.probabilities, scored, scored.distinct, draws, seed) for each in candidates]
    order = sorted(
        range(len(candidates)),
        key=lambda index: (-ranked[index].figures.macro_f1, candidates[index].parameters),
    )
    best = ranked[order[0]]
    rows = tuple(
        Row(candidates[index], ranked[index], everything[index], difference(ranked[index], best))
        for index in order
    )
    return Comparison(rows, choose(rows).candidate.recipe, scored.distinct is not None)


def difference(one: Measured, best: Measured) -> Difference:
    """Subtract the best one's macro F1, also draw by draw. Both were measured on the same images."""
    low, high = interval_of(one.draws["macro_f1"] - best.draws["macro_f1"])
    return Difference(one.figures.macro_f1 - best.figures.macro_f1, (low, high))


def choose(rows: Sequence[Row]) -> Row:
    """Return the row that RULE chooses."""
    equals = [row for row in rows if row.difference.is_none]
    return min(equals, key=lambda row: (row.candidate.parameters, -row.ranked.figures.macro_f1))


def _measure(
    probabilities: NDArray[np.float64],
    scored: Scored,
    only: NDArray[np.bool_] | None,
    draws: int,
    seed: int,
) -> Measured:
    chosen = np.arange(len(scored.truth)) if only is None else np.flatnonzero(only)
    truth, shares = scored.truth[chosen], probabilities[chosen]
    groups = [scored.groups[int(index)] for index in chosen]
    drawn = bootstrap(truth, shares, groups, scored.codes, draws=draws, seed=seed)
    figures = score(truth, shares, scored.codes)
    return Measured(figures, intervals_of(drawn, groups, scored.codes), drawn)
