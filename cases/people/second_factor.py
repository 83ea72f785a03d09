"""Whose account needs a second factor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from cases.held_roles import held_by

if TYPE_CHECKING:
    from portal.accounts.models import User

STAFF = "staff"


def is_asked_of(user: User) -> bool:
    """Whether SECOND_FACTOR_FOR names a role that the user holds somewhere, or the Django admin's people."""
    named = set(settings.SECOND_FACTOR_FOR)
    if STAFF in named and (user.is_staff or user.is_superuser):
        return True
    return bool(named - {STAFF}) and not named.isdisjoint(held.role for held in held_by(user).values())
