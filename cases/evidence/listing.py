"""Every figure as a row of numbers, for files."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from cases.evidence.cards.accuracy import judged
from cases.evidence.cards.crossed import analysed, crossed
from cases.evidence.cards.influence import all_reads
from cases.evidence.measures.raters import ac1, counts_of, fleiss_kappa, krippendorff_alpha

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cases.evidence.measures.estimate import Estimate
    from cases.evidence.measures.proportions import Share
    from cases.evidence.study import Study

CLUSTERED = "Wilson on the effective n by cluster"
GWET = "Gwet 2014, linearised error, t"
JACKKNIFE = "Obuchowski-Rockette, jackknife; random readers and cases, Hillis 2007"


def figure_rows(study: Study) -> Iterator[dict[str, Any]]:
    """The figures that are defined, in one order; each with its interval and method."""
    found = all_reads(study)
    yield _share("influence:changed", found.changed, CLUSTERED)
    for name, n in (
        ("to_right", found.to_right),
        ("to_wrong", found.to_wrong),
        ("wrong_to_wrong", found.other_wrong),
    ):
        yield _row(f"influence:{name}", n, None, None, found.known, None, "count of reads of known class")
    yield _share("influence:rair", found.rair, f"Schemmer 2023; {CLUSTERED}")
    yield _share("influence:rsr", found.rsr, f"Schemmer 2023; {CLUSTERED}")
    for each in judged(study):
        name = each.name if each.name.startswith("network:") else f"readers:{each.name}"
        yield _share(f"accuracy:{name}", each.right, CLUSTERED)
        for code, figures in each.by_class.items():
            yield _share(f"sensitivity:{name}:{code}", figures.sensitivity, CLUSTERED)
            yield _share(f"specificity:{name}:{code}", figures.specificity, CLUSTERED)
            yield _share(f"precision:{name}:{code}", figures.ppv, CLUSTERED)
            yield _share(f"f1:{name}:{code}", figures.f1, f"2TP of cases and calls of the class; {CLUSTERED}")
    yield from _agreement(study)
    yield from _crossed(study)


def _agreement(study: Study) -> Iterator[dict[str, Any]]:
    by_case: dict[str, list[str]] = defaultdict(list)
    for read in study.reads:
        if read.case in study.read_by_several:
            by_case[read.case].append(read.own)
    several = list(by_case.values())
    classes = sorted({code for units in several for code in units} | set(study.classes))
    counts = counts_of(several, classes)
    for name, figure in (("ac1", ac1), ("fleiss", fleiss_kappa), ("alpha", krippendorff_alpha)):
        yield _estimate(f"agreement:{name}", figure(counts), GWET)


def _crossed(study: Study) -> Iterator[dict[str, Any]]:
    found = crossed(study)
    for code in study.classes:
        result = analysed(study, found, code)
        if result is None:
            continue
        method = f"{JACKKNIFE}; n is the {result.readers} readers, on {result.cases} cases"
        for when, mean in zip(("before", "after"), result.means, strict=True):
            yield _estimate(f"auc:{when}:{code}", mean, method)


def _share(name: str, found: Share, method: str) -> dict[str, Any]:
    return _row(name, found.value, found.low, found.high, found.n, found.clusters, method)


def _estimate(name: str, found: Estimate, method: str) -> dict[str, Any]:
    low, high = (found.low, found.high) if found.has_interval else (None, None)
    return _row(name, found.value, low, high, found.n, None, method)


def _row(
    name: str,
    value: float | None,
    low: float | None,
    high: float | None,
    n: int,
    clusters: int | None,
    method: str,
) -> dict[str, Any]:
    numbers = {"value": value, "low": low, "high": high}
    exact = {key: None if each is None else float(each) for key, each in numbers.items()}
    return {"name": name, **exact, "n": n, "clusters": clusters, "method": method}
