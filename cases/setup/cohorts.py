"""Making a cohort, and what it plans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _t

from cases import audit
from cases.models import Cohort, Membership
from cases.permissions import Action, may_anywhere, require
from cases.roles import Role

if TYPE_CHECKING:
    from datetime import date

    from portal.accounts.models import User


@dataclass(frozen=True)
class Plan:
    """What a study sets itself; None where it says nothing."""

    readers: int | None = None
    cases_a_reader: int | None = None
    until: date | None = None


def plan_of(cohort: Cohort) -> Plan:
    """The cohort's plan."""
    return Plan(cohort.planned_readers, cohort.planned_cases, cohort.planned_until)


def require_maker(by: User) -> None:
    """Raise PermissionDenied unless `by` administers a study already."""
    if not may_anywhere(by, Action.MANAGE):
        raise PermissionDenied(_t("This page is for study administrators."))


def create_cohort(*, by: User, name: str, description: str = "", plan: Plan | None = None) -> Cohort:
    """Make a cohort, which its maker administers. Raises ValidationError where the name is taken, or the plan
    cannot be met.
    """
    require_maker(by)
    name = name.strip()
    if not name:
        raise ValidationError({"name": _t("Give the cohort a name.")})
    plan = plan or Plan()
    _check(plan)
    try:
        with transaction.atomic():
            cohort = Cohort.objects.create(name=name, description=description, **_fields(plan))
            Membership.objects.create(user=by, cohort=cohort, role=Role.ADMINISTRATOR)
            audit.record(by=by, action="cohort.created", subject=cohort, cohort=cohort)
    except IntegrityError:
        raise ValidationError({"name": _t("There is a cohort of this name already.")}) from None
    return cohort


def change_plan(*, by: User, cohort: Cohort, plan: Plan) -> Cohort:
    """Give the cohort another plan. Raises ValidationError where it cannot be met."""
    require(by, Action.MANAGE, cohort)
    _check(plan, cohort)
    with transaction.atomic():
        locked = Cohort.objects.select_for_update().get(pk=cohort.pk)
        before = plan_of(locked)
        if plan == before:
            return locked
        for name, value in _fields(plan).items():
            setattr(locked, name, value)
        locked.save(update_fields=list(_fields(plan)))
        changes = {name: _told(value) for name, value in _fields(plan).items()}
        audit.record(by=by, action="plan.changed", subject=locked, cohort=locked, **changes)
    return locked


def _fields(plan: Plan) -> dict[str, int | date | None]:
    return {
        "planned_readers": plan.readers,
        "planned_cases": plan.cases_a_reader,
        "planned_until": plan.until,
    }


def _told(value: int | date | None) -> audit.Detail:
    return value if value is None or isinstance(value, int) else value.isoformat()


def _check(plan: Plan, cohort: Cohort | None = None) -> None:
    errors = {}
    if plan.until and plan.until < timezone.localdate():
        errors["planned_until"] = _t("This day is over. Give one that is still to come.")
    if cohort and plan.readers is not None and plan.readers < cohort.readers_required:
        errors["planned_readers"] = _t(
            "The protocol wants %(n)d readers a case: plan at least as many, or change the protocol."
        ) % {"n": cohort.readers_required}
    if errors:
        raise ValidationError(errors)
