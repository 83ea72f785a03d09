"""One class against the rest: how often it is found, and how often it is meant when it is said."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cases.evidence.measures.proportions import ClusterSums, Share, share, share_of_sums


@dataclass(frozen=True)
class ClassFigures:
    """sensitivity: of cases of the class, those called so (recall). specificity: of the others, those not
    called so. ppv: of those called so, those that are (precision). npv: of those not called so, those that
    are not. f1: the harmonic mean of precision and recall; None where there is neither a case nor a call of
    the class.
    """

    code: str
    sensitivity: Share
    specificity: Share
    ppv: Share
    npv: Share
    f1: float | None


def class_figures(counts: Mapping[tuple[str, str], int], codes: Iterable[str]) -> list[ClassFigures]:
    """The figures of each class in `codes`, from the number of cases by (known class, class that was called).

    Altman & Bland 1994, BMJ 308:1552 and 309:102, with Wilson intervals. A call outside `codes`, such as "not
    readable", is a call of none of them: it misses the class, and falsely alarms for no other.
    """
    return [_of_class(counts, code) for code in codes]


def _of_class(counts: Mapping[tuple[str, str], int], code: str) -> ClassFigures:
    total = sum(counts.values())
    hits = counts.get((code, code), 0)
    known = sum(n for (truth, _call), n in counts.items() if truth == code)
    called = sum(n for (_truth, call), n in counts.items() if call == code)
    rest = total - known - called + hits
    return ClassFigures(
        code,
        share(hits, known),
        share(rest, total - known),
        share(hits, called),
        share(rest, total - called),
        2 * hits / (known + called) if known + called else None,
    )


@dataclass(frozen=True)
class ClusteredFigures:
    """As ClassFigures, with intervals that know which calls belong together. f1: of the cases of the class
    and the calls of it, together 2TP + FN + FP, the share 2TP.
    """

    code: str
    sensitivity: Share
    specificity: Share
    ppv: Share
    f1: Share


class Calls:
    """Calls of known cases as numbers, of which 100,000 take a megabyte and their clusters' names ten."""

    def __init__(self, calls: Iterable[tuple[str, str, str]]) -> None:
        """calls: (cluster, known class, class that was called) of each."""
        clusters: dict[str, int] = {}
        self._codes: dict[str, int] = {}
        rows = array("i")
        for cluster, *codes in calls:
            rows.append(clusters.setdefault(cluster, len(clusters)))
            rows.extend(self._codes.setdefault(code, len(self._codes)) for code in codes)
        self._cluster, self._known, self._called = np.array(rows, np.intc).reshape(-1, 3).T

    def __len__(self) -> int:
        return len(self._known)

    @property
    def counts(self) -> dict[tuple[str, str], int]:
        """How often which class was called, by (known class, class that was called)."""
        codes, pairs = list(self._codes), np.stack((self._known, self._called))
        found, times = np.unique(pairs, axis=1, return_counts=True)
        return {
            (codes[known], codes[called]): int(n) for (known, called), n in zip(found.T, times, strict=True)
        }

    @property
    def right(self) -> Share:
        """How many of the calls are right."""
        return self._ratio(self._known == self._called, np.ones(len(self), bool))

    def of_class(self, code: str) -> ClusteredFigures:
        """The figures of one class.

        All four are ratios of sums over clusters, and have the interval of `clustered_share`. Of independent
        cases the design effect of F1 comes out as 2 - F1, which is its variance by the delta method
        (Takahashi et al. 2022, Appl Intell 52:4961).
        """
        number = self._codes.get(code, -1)
        is_it, is_called = self._known == number, self._called == number
        both = is_it & is_called
        return ClusteredFigures(
            code,
            self._ratio(both, is_it),
            self._ratio(~is_it & ~is_called, ~is_it),
            self._ratio(both, is_called),
            self._ratio(2 * both, is_it.astype(np.int8) + is_called),
        )

    def _ratio(self, hits: NDArray[Any], units: NDArray[Any]) -> Share:
        h, n = (np.bincount(self._cluster, weights=each).astype(int) for each in (hits, units))
        sums = (n.sum(), h.sum(), n @ n, h @ n, h @ h)
        return share_of_sums(ClusterSums(int((n > 0).sum()), *map(int, sums)))


def accuracy(counts: Mapping[tuple[str, str], int]) -> Share:
    """The share of cases called what they are, with its Wilson interval."""
    return share(sum(n for (truth, call), n in counts.items() if truth == call), sum(counts.values()))


def balanced_accuracy(counts: Mapping[tuple[str, str], int]) -> float | None:
    """The mean sensitivity of the classes that occur, all counting alike (Brodersen et al. 2010, ICPR)."""
    truths = {truth for (truth, _call), n in counts.items() if n}
    found = [each.sensitivity.value for each in class_figures(counts, sorted(truths))]
    values = [value for value in found if value is not None]
    return sum(values) / len(values) if values else None
