"""What seeing the network did to readers who had committed themselves before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from cases.evidence.measures.proportions import Share, clustered_share


@dataclass(frozen=True, slots=True)
class SequentialRead:
    """One read in sequence: what its reader said before and after the network's class was shown.

    truth: the known class, empty where there is none. cluster: what belongs together, the patient or the
    case.
    """

    cluster: str
    network: str
    before: str
    after: str
    truth: str = ""

    @property
    def changed(self) -> bool:
        """Whether it ended in another class."""
        return self.before != self.after


@dataclass(frozen=True)
class Ledger:
    """n: reads. changed: of all, with clustered interval. known: reads of known class, which alone have a
    right.

    to_right, to_wrong, other_wrong: changed reads of known class; the last from one wrong class to another.
    unknown: changed reads without a known class. table: reads of known class by (network right, right before,
    right after). rair, rsr: reliance on the network where it helps, and on oneself where it misleads.
    """

    n: int
    changed: Share
    known: int
    to_right: int
    to_wrong: int
    other_wrong: int
    unknown: int
    table: dict[tuple[bool, bool, bool], int]
    rair: Share
    rsr: Share


def ledger(reads: Iterable[SequentialRead]) -> Ledger:
    """Cross network (right or wrong) by before by after.

    RAIR = first wrong and network right, ended right / all first wrong and network right. RSR = first right
    and network wrong, stayed right / all first right and network wrong (Schemmer et al. 2023, arXiv
    2302.02187). Intervals: Wilson on the effective n by cluster.
    """
    found = list(reads)
    known = [read for read in found if read.truth]
    table = Counter((r.network == r.truth, r.before == r.truth, r.after == r.truth) for r in known)
    by_kind = Counter((read.before == read.truth, read.after == read.truth) for read in known if read.changed)
    return Ledger(
        n=len(found),
        changed=clustered_share(clusters_of((read.cluster, read.changed) for read in found)),
        known=len(known),
        to_right=by_kind[False, True],
        to_wrong=by_kind[True, False],
        other_wrong=by_kind[False, False],
        unknown=sum(read.changed for read in found if not read.truth),
        table=dict(table),
        rair=_ended_right(known, network_is_right=True),
        rsr=_ended_right(known, network_is_right=False),
    )


def _ended_right(known: list[SequentialRead], *, network_is_right: bool) -> Share:
    """Of the reads in which either the network or the reader alone was right at first: how many ended so."""
    apart = (
        read
        for read in known
        if (read.network == read.truth) is network_is_right
        and (read.before == read.truth) is not network_is_right
    )
    return clustered_share(clusters_of((read.cluster, read.after == read.truth) for read in apart))


def clusters_of(units: Iterable[tuple[str, bool]]) -> list[tuple[int, int]]:
    """(hits, n) by cluster, from (cluster, whether it is a hit) of each unit."""
    hits: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for cluster, is_hit in units:
        totals[cluster] += 1
        hits[cluster] += is_hit
    return [(hits[cluster], n) for cluster, n in totals.items()]
