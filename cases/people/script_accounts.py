"""Accounts that no person signs in to: they fetch exports over REST with a token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _t

from cases.roles import Role

if TYPE_CHECKING:
    from portal.accounts.models import User


def is_for_scripts_only(user: User) -> bool:
    """Whether all that the account may do is fetch exports over REST."""
    roles = set(user.memberships.values_list("role", flat=True))
    return roles == {Role.EXPORTER} and not user.is_superuser


def refuse_scripts(user: User) -> None:
    """Raise ValidationError where the account may do nothing on the pages (settings: SIGN_IN_CHECK)."""
    if is_for_scripts_only(user):
        raise ValidationError(
            _t(
                "This account is for scripts: it fetches exports over REST with a token and has no pages. "
                "Ask the study administrator for a token."
            ),
            code="scripts_only",
        )
