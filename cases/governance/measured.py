"""What is counted of a network and its readers, by week: in a bounded number of queries, whose answers grow
with the weeks and not with the cases.

A case counts in the week in which it was received, a read in the one in which it was given. Left out are what
the figures leave out too: simulated cases (unless all are), refused results where a class is asked for, and
images that the network was trained on.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from django.db.models import Case as When_
from django.db.models import Count, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Greatest

from cases.analysis.results import key_results
from cases.evidence.figures import counted
from cases.evidence.study import studied, uncounted_in
from cases.lifecycle import DriftRule, GateVerdict
from cases.models import Prediction, Review
from cases.models.review import standing

if TYPE_CHECKING:
    from cases.models import Cohort, ModelVersion

# By rule, how many units lie in each bin: a class, a place on a scale, or yes and no.
Counts: TypeAlias = dict[str, dict[str, int]]
YES, NO = "yes", "no"
# Pixels of the longer side at which a bin of the size begins.
SIDES = (129, 257, 513, 1025)
PARTS = 10


@dataclass(frozen=True)
class Measured:
    """What a baseline holds. distances, brightnesses: where the bins of each scale begin, which are tenths of
    what the baseline itself had.
    """

    counts: Counts
    distances: list[float] = field(default_factory=list)
    brightnesses: list[float] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def measure(cohort: Cohort, version: ModelVersion, since: datetime, until: datetime) -> Measured:
    """Count a period, `until` not included, with scales of its own."""
    results = _results(cohort, version, since, until)
    scales = Measured(
        {},
        _tenths(results.values_list("gate_distance", flat=True)),
        _tenths(results.values_list("image__brightness", flat=True)),
    )
    (counts,) = count_spans(cohort, version, scales, [since, until])
    return Measured(counts, scales.distances, scales.brightnesses)


def count_spans(
    cohort: Cohort, version: ModelVersion, scales: Measured, edges: Sequence[datetime]
) -> list[Counts]:
    """Count each span between two neighbouring edges, on the scales of a baseline.

    The spans are compared by the database: of a truncated date SQLite asks Python, row by row.
    """
    spans: list[dict[str, Counter[str]]] = [defaultdict(Counter) for _ in edges[1:]]
    rows = _binned(_results(cohort, version, edges[0], edges[-1]), scales, edges)
    for span, gate, trained, predicted, distance, brightness, size, n in rows:
        found = spans[span]
        refused = gate == GateVerdict.REFUSED
        if gate:
            found[DriftRule.REFUSED][YES if refused else NO] += n
        if not refused and not trained:
            found[DriftRule.CLASSES][predicted] += n
        if distance is not None:
            found[DriftRule.DISTANCE][str(distance)] += n
        if brightness is not None:
            found[DriftRule.BRIGHTNESS][str(brightness)] += n
        found[DriftRule.SIZE][str(size)] += n
    for span, n, differing in _reads(cohort, version, edges):
        spans[span][DriftRule.DISAGREEMENT].update({YES: differing, NO: n - differing})
    return [{rule: dict(bins) for rule, bins in counts.items()} for counts in spans]


def _results(cohort: Cohort, version: ModelVersion, since: datetime, until: datetime) -> QuerySet[Prediction]:
    """One result a case that was received in the period."""
    received = {"image__case__created_at__gte": since, "image__case__created_at__lt": until}
    real = studied("image__case__", only_simulated=uncounted_in(cohort).only_simulated)
    results = Prediction.objects.filter(real, image__cohort=cohort, model_version=version, **received)
    return key_results(results).order_by()


def _binned(results: QuerySet[Prediction], scales: Measured, edges: Sequence[datetime]) -> Any:
    rows = results.annotate(
        span=_span("image__case__created_at", edges),
        at_distance=_bin("gate_distance", scales.distances),
        at_brightness=_bin("image__brightness", scales.brightnesses),
        side=Greatest("image__width", "image__height"),
        at_size=_bin("side", SIDES),
    )
    groups = ("span", "gate_verdict", "in_training", "predicted_class", "at_distance", "at_brightness")
    return rows.values_list(*groups, "at_size").annotate(n=Count("pk"))


def _bin(name: str, edges: Sequence[float]) -> When_:
    """The number of the bin that a value lies in; null where it has none, or the scale has no bins."""
    if not edges:
        return When_(default=Value(None), output_field=IntegerField())
    return When_(
        When(**{f"{name}__isnull": True}, then=Value(None)),
        *(When(**{f"{name}__lt": edge}, then=Value(place)) for place, edge in enumerate(edges)),
        default=Value(len(edges)),
        output_field=IntegerField(),
    )


def _span(name: str, edges: Sequence[datetime]) -> When_:
    """Between which two edges a moment lies, from 0."""
    ends = (When(**{f"{name}__lt": edge}, then=Value(place)) for place, edge in enumerate(edges[1:-1]))
    return When_(*ends, default=Value(len(edges) - 2), output_field=IntegerField())


def _tenths(values: QuerySet[Any, Any]) -> list[float]:
    """Where each tenth but the first begins; fewer where many values are equal, none without a value."""
    known = [value for value in values if value is not None]
    if not known:
        return []
    found = np.quantile(np.array(known), np.arange(1, PARTS) / PARTS)
    return sorted({float(edge) for edge in found})


def _reads(cohort: Cohort, version: ModelVersion, edges: Sequence[datetime]) -> Any:
    given = {"created_at__gte": edges[0], "created_at__lt": edges[-1]}
    real = studied("case__", only_simulated=uncounted_in(cohort).only_simulated)
    reviews = Review.objects.filter(
        standing(), real, counted("prediction__"), case__cohort=cohort, prediction__model_version=version
    )
    differs = Count("pk", filter=~Q(final_class=F("prediction__predicted_class")))
    rows = reviews.filter(**given).order_by().annotate(span=_span("created_at", edges))
    return rows.values_list("span").annotate(n=Count("pk"), differing=differs)


def units(bins: Mapping[str, int]) -> int:
    """All that was counted under one rule."""
    return sum(bins.values())
