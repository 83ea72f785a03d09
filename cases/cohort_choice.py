"""Which cohort an administrator's page is about: the one asked for, or the first."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _t

from cases.models import Cohort
from cases.permissions import Action, cohorts_where, require

if TYPE_CHECKING:
    from portal.accounts.models import User


def known_cohorts(user: User) -> QuerySet[Cohort]:
    """The cohorts that the user knows of, in whatever role; all of them for the superuser."""
    if user.is_superuser:
        return Cohort.objects.all()
    return Cohort.objects.filter(pk__in=user.memberships.values("cohort_id"))


def chosen_cohort(user: User, wanted: str) -> tuple[list[Cohort], Cohort]:
    """The cohorts that the user manages, and the chosen one.

    Raises PermissionDenied where the user manages none, or is only a member of the
    wanted one, and Http404 where the wanted one is none of the user's.
    """
    managed = list(cohorts_where(user, Action.MANAGE))
    if not managed:
        raise PermissionDenied(_t("This page is for study administrators."))
    if not wanted:
        return managed, managed[0]
    try:
        cohort = known_cohorts(user).get(pk=UUID(wanted))
    except (ValueError, Cohort.DoesNotExist):
        raise Http404 from None
    require(user, Action.MANAGE, cohort)
    return managed, cohort
