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
    changed, helped, stayed = ByCluster(), ByCluster(), ByCluster()
    table, by_kind = Counter[tuple[bool, bool, bool]](), Counter[tuple[bool, bool]]()
    n = known = unknown = 0
    for read in reads:
        n += 1
        is_changed, was_right, is_right = read.changed, read.before == read.truth, read.after == read.truth
        changed.add(read.cluster, is_changed)
        if not read.truth:
            unknown += is_changed
            continue
        known += 1
        network_is_right = read.network == read.truth
        table[network_is_right, was_right, is_right] += 1
        if is_changed:
            by_kind[was_right, is_right] += 1
        if network_is_right is not was_right:
            (helped if network_is_right else stayed).add(read.cluster, is_right)
    return Ledger(
        n=n,
        changed=changed.share(),
        known=known,
        to_right=by_kind[False, True],
        to_wrong=by_kind[True, False],
        other_wrong=by_kind[False, False],
        unknown=unknown,
        table=dict(table),
        rair=helped.share(),
        rsr=stayed.share(),
    )


def clusters_of(units: Iterable[tuple[str, bool]]) -> list[tuple[int, int]]:
    """(hits, n) by cluster, from (cluster, whether it is a hit) of each unit."""
    counted = ByCluster()
    for cluster, is_hit in units:
        counted.add(cluster, is_hit)
    return counted.found()


class ByCluster:
    """Units counted one by one, as hits and all, by cluster."""

    def __init__(self) -> None:
        self._totals: dict[str, int] = {}
        self._hits: dict[str, int] = {}

    def add(self, cluster: str, is_hit: bool) -> None:
        """Count one unit."""
        self._totals[cluster] = self._totals.get(cluster, 0) + 1
        if is_hit:
            self._hits[cluster] = self._hits.get(cluster, 0) + 1

    def found(self) -> list[tuple[int, int]]:
        """(hits, n) of each cluster, in the order in which they came."""
        return [(self._hits.get(cluster, 0), n) for cluster, n in self._totals.items()]

    def share(self) -> Share:
        """The pooled share, with its clustered interval."""
        return clustered_share(self.found())
