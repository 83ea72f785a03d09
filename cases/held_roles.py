"""The roles that somebody holds, by cohort: asked for once a request, and anew wherever there is none.

A right is checked once a request and the checked thing is handed on; what is asked on the way to a page is
then a list of cohorts in hand, where a query within each query took a fifth of a page's time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from cases.lifecycle import Reading
from cases.models import Membership, Protocol
from cases.roles import Role

if TYPE_CHECKING:
    from portal.accounts.models import User


@dataclass(frozen=True)
class HeldRole:
    """A role in one cohort. reading: how the cohort is read by its newest protocol. has_blinded: whether one
    of its cases may be read blind, by that protocol or by an earlier one.
    """

    role: Role
    reading: Reading
    has_blinded: bool


HeldRoles = Mapping[UUID, HeldRole]

_kept: ContextVar[dict[UUID, HeldRoles] | None] = ContextVar("held_roles", default=None)


@contextmanager
def asked_once() -> Iterator[None]:
    """Until the end of the block, what `held_by` found holds; a block within a block changes nothing. For a
    request, or for one condition of several parts, and for nothing longer.
    """
    if _kept.get() is not None:
        yield
        return
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def forget() -> None:
    """Ask anew from here on, after a role was given or taken."""
    if (kept := _kept.get()) is not None:
        kept.clear()


def held_by(user: User) -> HeldRoles:
    """The roles of `user` by cohort's key, in at most one query."""
    kept = _kept.get()
    if kept is None:
        return _found(user)
    if user.pk not in kept:
        kept[user.pk] = _found(user)
    return kept[user.pk]


def _found(user: User) -> HeldRoles:
    return {
        cohort: HeldRole(Role(role), Reading(reading), has_blinded)
        for cohort, role, reading, has_blinded in _rows().filter(user=user.pk)
    }


@cache
def _rows() -> QuerySet[Membership, tuple[UUID, str, str, bool]]:
    """Of everybody. Put together once, since every request asks this of one of them."""
    begun = Exists(Protocol.objects.filter(cohort=OuterRef("cohort"), reading=Reading.BLINDED))
    blinded = begun | Q(cohort__reading=Reading.BLINDED)
    rows = Membership.objects.annotate(has_blinded=blinded).order_by()
    return rows.values_list("cohort_id", "role", "cohort__reading", "has_blinded")
