"""Whether a candidate reaches the bounds that were stated for it: figures, intervals and a verdict."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from cases.evidence.measures.paired import Pairs, effect_on_difference, newcombe_interval
from cases.evidence.measures.proportions import Share, clustered_share

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cases.governance.frozen import FrozenSet, Pair


class Verdict(StrEnum):
    """What came of a bound, and of all of them together."""

    MET = "met"
    NOT_MET = "not_met"
    TOO_FEW = "too_few"


@dataclass(frozen=True)
class Difference:
    """The candidate's share right less that of the network in use, as a fraction, with its 95 % interval."""

    value: float | None
    low: float | None
    high: float | None
    method: str


@dataclass(frozen=True)
class ClassFigures:
    """The recall of both within one class. least: what the candidate's lower limit has to reach; None where
    nothing was stated of it.
    """

    code: str
    first: Share
    second: Share
    least: float | None
    verdict: Verdict | None


@dataclass(frozen=True)
class Comparison:
    """All figures of one comparison. margin: how far below zero the difference's interval may reach."""

    pairs: Pairs
    clusters: int
    first: Share
    second: Share
    difference: Difference
    margin: float
    classes: list[ClassFigures]
    left_out: dict[str, int]
    without_result: int
    margin_verdict: Verdict
    verdict: Verdict

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Comparison:
        """As a decision kept it."""
        shares = {name: Share(**kept[name]) for name in ("first", "second")}
        classes = [
            ClassFigures(
                each["code"],
                Share(**each["first"]),
                Share(**each["second"]),
                each["least"],
                Verdict(each["verdict"]) if each["verdict"] else None,
            )
            for each in kept["classes"]
        ]
        return cls(
            **{
                **kept,
                **shares,
                "pairs": Pairs(**kept["pairs"]),
                "difference": Difference(**kept["difference"]),
                "classes": classes,
                "margin_verdict": Verdict(kept["margin_verdict"]),
                "verdict": Verdict(kept["verdict"]),
            }
        )


def compare(
    found: FrozenSet, *, margin: float, least_recall: Mapping[str, float], least_n: int
) -> Comparison:
    """Compute the figures, and hold them against the bounds.

    The whole set needs `least_n` cases, and so does each class that a recall is stated of; a bound is met
    where the whole interval lies on its good side. Too few say nothing, unless another bound is missed.
    """
    pairs = _pairs(found.pairs)
    difference = _difference(found.pairs, pairs)
    codes = sorted({pair.truth for pair in found.pairs} | set(least_recall))
    classes = [_of_class(code, found.pairs, least_recall.get(code), least_n) for code in codes]
    of_margin = _held(pairs.n, least_n, difference.low, -margin)
    verdicts = {of_margin, *(each.verdict for each in classes if each.verdict)}
    return Comparison(
        pairs=pairs,
        clusters=len({pair.cluster for pair in found.pairs}),
        first=_share(found.pairs, second=False),
        second=_share(found.pairs, second=True),
        difference=difference,
        margin=margin,
        classes=classes,
        left_out=found.left_out,
        without_result=found.without_result,
        margin_verdict=of_margin,
        verdict=next(each for each in (Verdict.NOT_MET, Verdict.TOO_FEW, Verdict.MET) if each in verdicts),
    )


def _pairs(pairs: Iterable[Pair]) -> Pairs:
    """The candidate is the first of the two: its gain is above zero."""
    return Pairs.of((pair.second, pair.first) for pair in pairs)


def _difference(found: Sequence[Pair], pairs: Pairs) -> Difference:
    """Newcombe's paired interval; where patients have several cases, on the effective number of cases."""
    by_cluster: dict[str, list[Pair]] = defaultdict(list)
    for pair in found:
        by_cluster[pair.cluster].append(pair)
    method = "Newcombe 1998, paired, method 10"
    if len(by_cluster) != pairs.n:
        method = f"{method}, on the effective n by patient"
    effect = effect_on_difference(map(_pairs, by_cluster.values()))
    low, high = newcombe_interval(pairs, effect) or (None, None)
    return Difference(pairs.difference, low, high, method)


def _share(pairs: Sequence[Pair], *, second: bool) -> Share:
    by_cluster: dict[str, list[bool]] = defaultdict(list)
    for pair in pairs:
        by_cluster[pair.cluster].append(pair.second if second else pair.first)
    return clustered_share((sum(hits), len(hits)) for hits in by_cluster.values())


def _of_class(code: str, pairs: Sequence[Pair], least: float | None, least_n: int) -> ClassFigures:
    own = [pair for pair in pairs if pair.truth == code]
    second = _share(own, second=True)
    verdict = None if least is None else _held(len(own), least_n, second.low, least)
    return ClassFigures(code, _share(own, second=False), second, least, verdict)


def _held(n: int, least_n: int, low: float | None, least: float) -> Verdict:
    if n < least_n or low is None:
        return Verdict.TOO_FEW
    return Verdict.MET if low >= least else Verdict.NOT_MET
