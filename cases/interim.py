"""Whether the figures of a study may be looked at yet.

Accuracy that is known while a blinded study runs changes how it goes on: who reads, what is left out, when it
ends. Until its last case is over its administrators see progress alone. Opening the figures early takes a
reason and stands in the audit, which is also what says that they are open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _t

from cases import audit
from cases.blinding import OVER
from cases.lifecycle import Reading
from cases.models import AuditEvent, Case, Cohort, Protocol
from cases.models.statement import MAX_REASON
from cases.permissions import Action, cohorts_where, require

if TYPE_CHECKING:
    from cases.permissions import Person
    from portal.accounts.models import User

OPENED = "figures.opened"


def closed_cohorts() -> QuerySet[Cohort]:
    """Blinded cohorts with a case that is not over, whose figures nobody has opened. Once read blind, they
    stay so: another protocol for the cases to come would be a way to look.
    """
    running = Case.objects.filter(cohort=OuterRef("pk")).exclude(state__in=OVER)
    opened = AuditEvent.objects.filter(action=OPENED, cohort=OuterRef("pk"))
    begun = Protocol.objects.filter(cohort=OuterRef("pk"), reading=Reading.BLINDED)
    is_blinded = Q(reading=Reading.BLINDED) | Exists(begun)
    return Cohort.objects.filter(is_blinded, Exists(running), ~Exists(opened))


def figures_are_closed(cohort: Cohort) -> bool:
    """Whether figures of this cohort wait for its end."""
    return closed_cohorts().filter(pk=cohort.pk).exists()


def open_to(user: Person) -> QuerySet[Cohort]:
    """The cohorts of which the user, as their administrator, may be told figures."""
    return cohorts_where(user, Action.MANAGE).exclude(pk__in=closed_cohorts().values("pk"))


def opening_of(cohort: Cohort) -> AuditEvent | None:
    """By whom, when and why the figures were opened early; the first time counts."""
    openings = AuditEvent.objects.filter(action=OPENED, cohort=cohort)
    return openings.select_related("actor").order_by("at").first()


def open_early(*, by: User, cohort: Cohort, reason: str) -> None:
    """Open the figures of a running blinded study. Raises ValidationError without a reason, or where they are
    open already.
    """
    require(by, Action.MANAGE, cohort)
    if not reason.strip():
        raise ValidationError(_t("Say why the figures are looked at before the study ends."))
    with transaction.atomic():
        locked = Cohort.objects.select_for_update().get(pk=cohort.pk)
        if not figures_are_closed(locked):
            raise ValidationError(_t("The figures of this cohort are open already."))
        audit.record(by=by, action=OPENED, subject=locked, cohort=locked, reason=reason.strip()[:MAX_REASON])
