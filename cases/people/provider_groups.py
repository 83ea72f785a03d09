"""What somebody's groups at the hospital's provider make of them in cohorts (settings: OIDC_GROUPS)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ValidationError

from cases.models import Cohort, Membership
from cases.people.memberships import add_member, change_role, remove_member
from cases.roles import Role

if TYPE_CHECKING:
    from portal.accounts.models import User

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class GroupRole:
    """Members of the group have the role in the cohort."""

    group: str
    role: Role
    cohort: UUID


def group_roles() -> Iterator[GroupRole]:
    """The mapping; of several that fit in one cohort the first counts. Raises ImproperlyConfigured."""
    for entry in settings.OIDC_GROUPS:
        try:
            group, role, cohort = (part.strip() for part in entry.rsplit("=", 2))
            yield GroupRole(group, Role(role), UUID(cohort))
        except ValueError:
            raise ImproperlyConfigured(
                f"OIDC_GROUPS lists GROUP=ROLE=COHORT-ID ({', '.join(Role.values)}); not {entry!r}."
            ) from None


def follow(*, user: User, groups: frozenset[str]) -> bool:
    """Give the user the roles of the groups, and take those that they have no more; whether any role is left.

    In a cohort that the mapping names, the provider has the say; in the others, invitations have.
    """
    mapping = list(group_roles())
    wanted: dict[UUID, Role] = {}
    for each in mapping:
        if each.group in groups:
            wanted.setdefault(each.cohort, each.role)
    for cohort in Cohort.objects.filter(pk__in={each.cohort for each in mapping}):
        try:
            _settle(user, cohort, wanted.get(cohort.pk))
        except ValidationError:
            logger.warning("Cohort %s keeps its only study administrator, against the provider.", cohort.pk)
    return user.is_superuser or user.is_staff or user.memberships.exists()


def _settle(user: User, cohort: Cohort, role: Role | None) -> None:
    held = Membership.objects.select_related("cohort", "user").filter(user=user, cohort=cohort).first()
    if role is None:
        if held:
            remove_member(by=None, membership=held)
    elif held is None:
        add_member(by=None, cohort=cohort, user=user, role=role)
    elif held.role != role:
        change_role(by=None, membership=held, role=role)
