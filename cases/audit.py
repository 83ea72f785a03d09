"""Writing the audit trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from django.db.models import Model

from cases.batches import BATCH_SIZE
from cases.models import AuditEvent, Case, Cohort
from cases.request_context import request_id

if TYPE_CHECKING:
    from portal.accounts.models import User

# Its details tell the known class of a case, so that whoever is shown them has seen it.
TRUTH_SET = "truth.set"
Detail = str | int | float | bool | None


def record(
    *, by: User | None, action: str, subject: Model, cohort: Cohort | None = None, **details: Detail
) -> AuditEvent:
    """Add one event; call it inside the transaction of the act. Details name no patient."""
    return AuditEvent.objects.create(
        actor=by,
        action=action,
        subject_type=subject._meta.model_name or "",
        subject=str(subject.pk),
        cohort=cohort,
        request_id=request_id(),
        details=details,
    )


def record_each(
    *, by: User | None, action: str, cases: Sequence[Case], details: Mapping[str, Detail]
) -> None:
    """Add one event a case, with the same details; call it inside the transaction of the act."""
    AuditEvent.objects.bulk_create(
        (
            AuditEvent(
                actor=by,
                action=action,
                subject_type="case",
                subject=str(case.pk),
                cohort_id=case.cohort_id,
                request_id=request_id(),
                details=dict(details),
            )
            for case in cases
        ),
        batch_size=BATCH_SIZE,
    )
