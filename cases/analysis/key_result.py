"""The result that stands for a case, repeated in the case's own row for the worklist: filters, orders, rows.

Whoever changes what stands (cases/analysis/results.py) calls this within the same transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Case as When_
from django.db.models import Count, Exists, F, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from cases.analysis.results import can_be_key, key_results_first
from cases.lifecycle import GateVerdict
from cases.models import Case, Image, ModelVersion, Prediction

if TYPE_CHECKING:
    from uuid import UUID

# So many cases at the most are caught up with in one round: beat starts the next one soon.
CAUGHT_UP_A_ROUND = 1000
# Of a refused image the network is certain of nothing.
_CERTAINTY = When_(When(gate_verdict=GateVerdict.REFUSED, then=None), default=F("confidence"))


def refresh_case(case_id: UUID) -> None:
    """Bring one case up to date. The row is locked first, so that of two acts the later one sees both."""
    _lock(Case.objects.filter(pk=case_id).select_for_update())
    refresh_locked(case_id)


def refresh_cases(cases: QuerySet[Case]) -> None:
    """Bring several cases up to date; their rows are locked first, in the order of everybody."""
    keys = list(cases.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))
    refresh(Case.objects.filter(pk__in=keys))


def refresh_after_result(image: Image, version: ModelVersion) -> None:
    """Bring a case up to date after `version` came to a result, gave one image up, or began with one again:
    while it is not through with the case it stands for nothing.

    The version's row is locked before the case's: an activation at the same moment either sees the result, or
    is seen here.
    """
    _lock(ModelVersion.objects.filter(pk=version.pk).select_for_update(no_key=True))
    refresh_case(image.case_id)


def _lock(rows: QuerySet[Case] | QuerySet[ModelVersion]) -> None:
    """Have the rows be this transaction's; a manifest that nobody looks at is not read with them."""
    list(rows.values_list("pk", flat=True))


def refresh_after_activation() -> None:
    """Bring up to date the cases with results of several versions: only there another one may stand now.

    Takes for granted that the rows of all versions are locked.
    """
    results = Prediction.objects.order_by().values("image__case")
    several = results.annotate(n=Count("model_version", distinct=True)).filter(n__gt=1)
    cases = Case.objects.filter(pk__in=several.values("image__case"))
    # One order for everybody, so that two who lock several cases never wait for each other.
    list(cases.order_by("pk").select_for_update().values_list("pk", flat=True))
    refresh(cases)


def catch_up() -> int:
    """Bring up to date the cases whose first result came from a worker that does not do so itself: one of the
    version before, which finished its work during an upgrade. How many there were.
    """
    analysed = Exists(can_be_key(Prediction.objects.filter(image__case=OuterRef("pk"))))
    missed = list(
        Case.objects.filter(analysed, key_class="").values_list("pk", flat=True)[:CAUGHT_UP_A_ROUND]
    )
    for key in missed:
        with transaction.atomic():
            refresh_case(key)
    return len(missed)


def refresh_locked(case_id: UUID) -> None:
    """`refresh` for one case, of which Django puts the long question together once, not once a column."""
    standing = key_results_first(Prediction.objects.filter(image__case=case_id))
    repeated = standing.annotate(certainty=_CERTAINTY).values_list(
        "predicted_class", "gate_verdict", "certainty"
    )
    key_class, key_gate, key_probability = repeated.first() or ("", "", None)
    Case.objects.filter(pk=case_id).update(
        key_class=key_class, key_gate=key_gate, key_probability=key_probability
    )


def refresh(cases: QuerySet[Case]) -> None:
    """Copy what stands into the rows; takes for granted that they are locked."""
    standing = key_results_first(Prediction.objects.filter(image__case=OuterRef("pk")))
    cases.update(
        key_class=Coalesce(Subquery(standing.values("predicted_class")[:1]), Value("")),
        key_gate=Coalesce(Subquery(standing.values("gate_verdict")[:1]), Value("")),
        key_probability=Subquery(standing.annotate(certainty=_CERTAINTY).values("certainty")[:1]),
    )
