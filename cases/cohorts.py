"""The cohorts of a user: those that the user knows of, the rights in each, the one that a page is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _t

from cases.models import Cohort, Membership, Review
from cases.permissions import (
    CAPABILITIES,
    ENDED_WITH_THE_COHORT,
    Action,
    cohorts_where,
    in_reach,
    require,
    roles_with,
)
from cases.request_context import looks_at
from cases.roles import Role

if TYPE_CHECKING:
    from cases.permissions import Person
    from portal.accounts.models import User


def known_cohorts(user: User) -> QuerySet[Cohort]:
    """The cohorts that the user knows of, in whatever role; all of them for the superuser."""
    if user.is_superuser:
        return in_reach(user, Cohort.objects.all())
    return in_reach(user, Cohort.objects.filter(pk__in=user.memberships.values("cohort_id")))


@dataclass(frozen=True)
class CohortRights:
    """A cohort and what the user may do there. `role` is None for the superuser."""

    cohort: Cohort
    role: Role | None
    actions: tuple[Action, ...]


def cohorts_of(user: Person) -> list[CohortRights]:
    """Every cohort in which the user has a role, by name, with the rights that come with it."""
    if not user.is_authenticated or not user.is_active:
        return []
    if user.is_superuser:
        everywhere = in_reach(user, Cohort.objects.all())
        return [CohortRights(cohort, None, _left_in(cohort, frozenset(Action))) for cohort in everywhere]
    memberships = user.memberships.select_related("cohort").order_by("cohort__name")
    if user.limited_to is not None:
        memberships = memberships.filter(cohort=user.limited_to)
    return [
        CohortRights(held.cohort, Role(held.role), _left_in(held.cohort, CAPABILITIES[Role(held.role)]))
        for held in memberships
    ]


def _left_in(cohort: Cohort, actions: frozenset[Action]) -> tuple[Action, ...]:
    """Those of the actions that are done in this cohort, in their order."""
    ended = ENDED_WITH_THE_COHORT if cohort.deleted_at else frozenset()
    return tuple(action for action in Action if action in actions - ended)


def chosen_cohort(user: User, wanted: str) -> tuple[list[Cohort], Cohort]:
    """The cohorts that the user manages, and the chosen one.

    Raises PermissionDenied where the user manages none, or is only a member of the
    wanted one, and Http404 where the wanted one is none of the user's.
    """
    managed = list(cohorts_where(user, Action.MANAGE))
    if not managed:
        raise PermissionDenied(_t("This page is for study administrators."))
    if not wanted:
        looks_at(managed[0].pk)
        return managed, managed[0]
    try:
        cohort = known_cohorts(user).get(pk=UUID(wanted))
    except (ValueError, Cohort.DoesNotExist):
        raise Http404 from None
    require(user, Action.MANAGE, cohort)
    looks_at(cohort.pk)
    return managed, cohort


def readers_of(cohorts: Iterable[Cohort]) -> QuerySet[User]:
    """Who reads in one of the cohorts, by name."""
    return _who_may(Action.REVIEW, cohorts)


def administrators_of(cohort: Cohort) -> QuerySet[User]:
    """Who administers the study, by name."""
    return _who_may(Action.MANAGE, [cohort])


def _who_may(action: Action, cohorts: Iterable[Cohort]) -> QuerySet[User]:
    held = Membership.objects.filter(cohort__in=list(cohorts), role__in=roles_with(action))
    people = get_user_model().objects.filter(pk__in=held.values("user"), is_active=True)
    return people.order_by("full_name", "email")


def reader_before(wanted: str, cohorts: Iterable[Cohort]) -> User | None:
    """The person of this id, where they have read in one of the cohorts, though they may do so no more."""
    try:
        reader = get_user_model().objects.get(pk=UUID(wanted))
    except (ValueError, get_user_model().DoesNotExist):
        return None
    has_read = Review.objects.filter(reader=reader.pk, case__cohort__in=list(cohorts)).exists()
    return reader if has_read else None


def cohort_named(user: Person, wanted: str) -> Cohort | None:
    """The cohort of this name or id, if the user has any role in it."""
    held = (entry.cohort for entry in cohorts_of(user))
    return next((cohort for cohort in held if wanted in (cohort.name, str(cohort.pk))), None)
