"""What the reveal of the network's result did to the readers of blinded cases.

Only reads whose record says that nothing was seen before the commit, and nothing but the network's result
between the commit and the review (docs/adr/0012); later remarks are none.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from django.db.models import Count, Exists, F, OuterRef, Q, Subquery

from cases.evidence.clustered import share_where
from cases.evidence.measures.proportions import Share
from cases.models import Cohort, FirstRead, Review
from cases.models.first_read import read_blind
from cases.models.review import standing


@dataclass(frozen=True)
class RevealTally:
    """Reads given before and after the reveal.

    changed: of all such reads, those that ended in another class. for_better and for_worse: of the changed
    reads of `known` real cases of known class, those that became right and those that were right before.
    seconds: median active reading time, None where none was measured. left_out: reads of which the commit was
    not blind, since its reader had been shown the result before; nothing above counts them.
    """

    changed: Share
    known: int
    for_better: int
    for_worse: int
    seconds: float | None
    left_out: int = 0


def reveal_tally(cohort: Cohort) -> RevealTally | None:
    """The tally of the cohort; None where no read was committed before a reveal and finished after it."""
    committed = FirstRead.objects.filter(case=OuterRef("case"), reader=OuterRef("reader"))
    first = committed.filter(read_blind())
    finished = Review.objects.filter(
        Exists(committed), standing(), case__cohort=cohort, case__is_sentinel=False
    )
    reads = finished.order_by().annotate(
        is_blind=Exists(first), before=Subquery(first.values("read_class")[:1])
    )
    blind, changed, truth = Q(is_blind=True), ~Q(before=F("final_class")), F("case__ground_truth")
    known = blind & Q(case__is_simulated=False) & ~Q(case__ground_truth="")
    found = reads.aggregate(
        n=Count("pk", filter=blind),
        left_out=Count("pk", filter=~blind),
        known=Count("pk", filter=known),
        for_better=Count("pk", filter=known & changed & Q(final_class=truth)),
        for_worse=Count("pk", filter=known & changed & Q(before=truth)),
    )
    if not found["n"] and not found["left_out"]:
        return None
    times = FirstRead.objects.filter(
        read_blind(), case__cohort=cohort, case__is_sentinel=False, active_seconds__isnull=False
    )
    newest = times.order_by("-created_at").values_list("active_seconds", flat=True)[:1000]
    seconds = [taken for taken in newest if taken is not None]
    return RevealTally(
        share_where(reads.filter(blind), "case__", changed),
        found["known"],
        found["for_better"],
        found["for_worse"],
        median(seconds) if seconds else None,
        found["left_out"],
    )
