"""Writing the audit trail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Model

from cases.models import AuditEvent, Cohort

if TYPE_CHECKING:
    from portal.accounts.models import User

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
        details=details,
    )
