"""The frozen set that two networks are compared on: a snapshot's cases with what says who is right, what the
network in use said then, and what the candidate says of the same cases in shadow.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cases.access import images_for_networks
from cases.export.snapshots.reading import frozen_rows
from cases.lifecycle import AT_WORK, AcceptanceStandard, GateVerdict
from cases.models import Job, ShadowResult

if TYPE_CHECKING:
    from cases.models import AcceptanceBounds, Snapshot


@dataclass(frozen=True)
class Pair:
    """One case that counts. cluster: its patient, or itself. first, second: whether the network in use, and
    the candidate, is right.
    """

    cluster: str
    truth: str
    first: bool
    second: bool


@dataclass(frozen=True)
class FrozenSet:
    """left_out: cases that do not count, by why. without_result: cases that count, and of which the candidate
    says nothing: it is not right there.
    """

    pairs: list[Pair]
    left_out: dict[str, int]
    without_result: int


@dataclass(frozen=True)
class _Said:
    """What a network says of a case. code: empty where its gate refused the picture, which is never right."""

    code: str
    trained_on: bool


def frozen_set(bounds: AcceptanceBounds) -> FrozenSet:
    """Read the set. Simulated cases count only where all are: then it demonstrates, and is evidence of
    nothing.
    """
    cases = list(frozen_rows(bounds.snapshot, "cases"))
    only_simulated = all(row["simulated"] for row in cases)
    truths = _truths(cases, bounds.snapshot, AcceptanceStandard(bounds.standard))
    in_use, candidate = _said_then(bounds.snapshot, bounds.against.name), _said_in_shadow(bounds)
    left_out: dict[str, int] = defaultdict(int)
    pairs, without = [], 0
    for row in cases:
        code, truth = row["case"], truths.get(row["case"], "")
        before, after = in_use.get(code), candidate.get(code)
        if row["simulated"] and not only_simulated:
            left_out["simulated"] += 1
        elif not truth:
            left_out["no_answer"] += 1
        elif before is None:
            left_out["not_analysed"] += 1
        elif before.trained_on or (after is not None and after.trained_on):
            left_out["trained_on"] += 1
        else:
            without += after is None
            is_right = after is not None and after.code == truth
            pairs.append(Pair(row["cluster"], truth, before.code == truth, is_right))
    return FrozenSet(pairs, dict(left_out), without)


def is_waiting(bounds: AcceptanceBounds) -> bool:
    """Whether the candidate has still to say something of these cases: figures before that would not stay."""
    of_version = Job.objects.filter(image__cohort=bounds.cohort_id, model_version=bounds.candidate_id)
    asked = of_version.values("image")
    received = images_for_networks(bounds.cohort).filter(case__created_at__lte=bounds.snapshot.as_of)
    unasked = received.exclude(pk__in=asked)
    return of_version.filter(status__in=AT_WORK).exists() or unasked.exists()


def _truths(cases: list[dict[str, str]], snapshot: Snapshot, standard: AcceptanceStandard) -> dict[str, str]:
    """What each case is, by its code, where that is known."""
    known = {row["case"]: row["known_class"] for row in cases if row["known_class"]}
    if standard == AcceptanceStandard.KNOWN:
        return known
    decided: dict[str, str] = {}
    named: dict[str, set[str]] = defaultdict(set)
    for row in frozen_rows(snapshot, "statements"):
        if row["kind"] == "adjudication":
            decided[row["case"]] = row["class"]
        elif row["kind"] in ("final", "amendment") and row["counts"]:
            named[row["case"]].add(row["class"])
    agreed = {case: next(iter(classes)) for case, classes in named.items() if len(classes) == 1}
    return agreed | decided | known


def _said_then(snapshot: Snapshot, version: str) -> dict[str, _Said]:
    return {
        row["case"]: _said(row["predicted_class"], row["gate_verdict"], row["trained_on"])
        for row in frozen_rows(snapshot, "results")
        if row["model_version"] == version
    }


def _said_in_shadow(bounds: AcceptanceBounds) -> dict[str, _Said]:
    """One a case: of many images the most suspicious that was not refused (cases/analysis/results.py, 5)."""
    rows = ShadowResult.objects.filter(image__cohort=bounds.cohort_id, model_version=bounds.candidate_id)
    told = rows.order_by("-suspicion", "image__position").values_list(
        "image__case__code", "predicted_class", "gate_verdict", "in_training"
    )
    found: dict[str, _Said] = {}
    for case, code, gate, trained in told.iterator():
        said = _said(code, gate, trained)
        # The first that was not refused stays.
        if case not in found or (not found[case].code and said.code):
            found[case] = said
    return found


def _said(code: str, gate: str | None, trained: bool | None) -> _Said:
    return _Said("" if gate == GateVerdict.REFUSED else code, bool(trained))
