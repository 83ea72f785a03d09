"""Shares of what belongs together: the database adds up by patient, or by case where no patient is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Case as When_
from django.db.models import Count, F, Q, QuerySet, Sum, When

from cases.evidence.measures.proportions import ClusterSums, Share, share_of_sums

if TYPE_CHECKING:
    from collections.abc import Iterator


def by_cluster(rows: QuerySet[Any], case: str) -> QuerySet[Any, Any]:
    """The rows in groups of one cluster each. case: the path to their case, such as "case__"."""
    patient = f"{case}patient"
    cluster = When_(When(**{patient: ""}, then=F(f"{case}code")), default=F(patient))
    groups: QuerySet[Any, Any] = rows.order_by().annotate(cluster=cluster).values("cluster")
    return groups


def share_where(rows: QuerySet[Any], case: str, hits: Q) -> Share:
    """How many of the rows are hits, with the interval that their clusters leave (`clustered_share`)."""
    groups = by_cluster(rows, case).annotate(units=Count("pk"), hits=Count("pk", filter=hits))
    found = groups.aggregate(
        k=Count("cluster"),
        n=Sum("units", default=0),
        h=Sum("hits", default=0),
        nn=Sum(F("units") * F("units"), default=0),
        hn=Sum(F("hits") * F("units"), default=0),
        hh=Sum(F("hits") * F("hits"), default=0),
    )
    # PostgreSQL adds up whole numbers to decimal ones.
    return share_of_sums(ClusterSums(**{name: int(value) for name, value in found.items()}))


def gains_where(rows: QuerySet[Any], case: str, first: Q, second: Q) -> Iterator[int]:
    """By cluster that prefers one of two judgements: in how many more rows the second is right."""
    groups = by_cluster(rows, case).annotate(
        gain=Count("pk", filter=second & ~first) - Count("pk", filter=first & ~second)
    )
    yield from groups.exclude(gain=0).values_list("gain", flat=True).iterator()
