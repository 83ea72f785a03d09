"""Every rule of the kind "may USER do X to CASE", and the roles, as code.

A role is held per cohort, by a Membership. A superuser may do everything. Whose request came with a token of
one cohort (`User.limited_to`) may do nothing elsewhere, and sees no more there for being told less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet, TextChoices
from django.utils.translation import gettext as _t

from cases.held_roles import asked_once, held_by
from cases.lifecycle import Reading
from cases.roles import Role

if TYPE_CHECKING:
    from uuid import UUID

    from django.contrib.auth.models import AnonymousUser

    from cases.models import Case, Cohort, Review
    from portal.accounts.models import User

    Person: TypeAlias = User | AnonymousUser


class Action(TextChoices):
    """What somebody may do in one cohort."""

    UPLOAD = "upload"
    VIEW = "view"  # the worklist and the picture of a case, with the state of its job
    READ = "read"  # what the network says, and what readers said
    REVIEW = "review"
    RETRY = "retry"  # queue a failed analysis again
    EXPORT = "export"
    MANAGE = "manage"  # people, dashboard


CAPABILITIES: Mapping[Role, frozenset[Action]] = {
    Role.TECHNOLOGIST: frozenset({Action.UPLOAD, Action.VIEW, Action.RETRY}),
    Role.RADIOLOGIST: frozenset({Action.UPLOAD, Action.VIEW, Action.READ, Action.REVIEW, Action.RETRY}),
    Role.ADMINISTRATOR: frozenset(Action),
    Role.EXPORTER: frozenset({Action.EXPORT}),
}


# Nothing of this is done in a cohort that was deleted; its figures and its record stay open.
ENDED_WITH_THE_COHORT = frozenset({Action.UPLOAD, Action.REVIEW, Action.RETRY})


def roles_with(action: Action) -> list[Role]:
    """The roles that may do `action`."""
    return [role for role, actions in CAPABILITIES.items() if action in actions]


def cohorts_where(user: Person, action: Action) -> QuerySet[Cohort]:
    """The cohorts in which `user` may do `action`, as one query; none for a visitor."""
    from cases.models import Cohort

    if not user.is_authenticated or not user.is_active:
        return Cohort.objects.none()
    cohorts = Cohort.objects.all()
    if action in ENDED_WITH_THE_COHORT:
        cohorts = cohorts.filter(deleted_at__isnull=True)
    if user.is_superuser:
        return in_reach(user, cohorts)
    return cohorts.filter(pk__in=_cohorts_held(user, action))


def in_reach(user: User, cohorts: QuerySet[Cohort]) -> QuerySet[Cohort]:
    """Those of the cohorts that the token of the request opens; all of them without one."""
    return cohorts if user.limited_to is None else cohorts.filter(pk=user.limited_to)


def within(user: Person, action: Action, prefix: str = "") -> Q:
    """The condition on cases (at the end of the path `prefix`) that `user` may do `action` in their cohort.

    As a list of cohorts in hand: a part that no cohort allows falls out of a query instead of being asked.
    """
    if not user.is_authenticated or not user.is_active:
        return Q(**{f"{prefix}cohort__in": []})
    if user.is_superuser:
        everywhere = Q(**{f"{prefix}cohort__isnull": False})
        return Q(**{f"{prefix}cohort": user.limited_to}) if user.limited_to else everywhere
    return Q(**{f"{prefix}cohort__in": _cohorts_held(user, action)})


def _cohorts_held(user: User, action: Action) -> list[UUID]:
    return [cohort for cohort in _with_role(user, action) if user.limited_to in (None, cohort)]


def _with_role(user: User, action: Action) -> list[UUID]:
    """Wherever the role allows it, beyond the reach of the request's token too."""
    return [cohort for cohort, held in held_by(user).items() if action in CAPABILITIES[held.role]]


@asked_once()
def reading_cohorts(user: Person) -> Q:
    """The condition on cases that `user` may read them for the study.

    Who administers a blinded cohort sees its results, so does not read there; who adjudicates does not read
    either; and nobody's read of a teaching cohort is study data. Cohorts beyond the reach of the request's
    token count as well: it must not open in one what another keeps shut (blinding.held_back_from).
    """
    begun = Q(protocol__isnull=False, protocol__adjudicator=user.pk)
    decides = begun | Q(protocol__isnull=True, cohort__adjudicator=user.pk)
    reads = _wherever(user, Action.REVIEW)
    seen = _wherever(user, Action.MANAGE)
    return (
        Q(is_quarantined=False, deleted_at__isnull=True)
        & reads
        & ~decides
        & (under(Reading.AI_FIRST) | (under(Reading.BLINDED) & ~seen))
    )


def _wherever(user: Person, action: Action) -> Q:
    """`within`, beyond the reach of the request's token too."""
    if not user.is_authenticated or not user.is_active or user.is_superuser:
        return within(user, action)
    return Q(cohort__in=_with_role(user, action))


def may_share_what_is_read_blind(user: Person) -> bool:
    """Whether a cohort in which `user` may read blind stands beside another of the user's."""
    if not user.is_authenticated or not user.is_active or user.is_superuser:
        return False
    held = held_by(user)
    reads = [each for each in held.values() if each.has_blinded and _reads_unseen(each.role)]
    return bool(reads) and len(held) > 1


def _reads_unseen(role: Role) -> bool:
    return Action.REVIEW in CAPABILITIES[role] and Action.MANAGE not in CAPABILITIES[role]


def under(reading: Reading, prefix: str = "") -> Q:
    """The condition that a case (at the end of the path `prefix`) is read so: by the version of the protocol
    that its reading began under, or by the cohort's newest before that.
    """
    # Without the first half a case that is not begun makes SQL's NULL of it, neither true nor false.
    begun = Q(**{f"{prefix}protocol__isnull": False, f"{prefix}protocol__reading": reading})
    newest = Q(**{f"{prefix}protocol__isnull": True, f"{prefix}cohort__reading": reading})
    return begun | newest


def visible_to(user: Person) -> QuerySet[Case]:
    """The cases that `user` may open, as one query."""
    from cases.models import Case

    return Case.objects.filter(
        within(user, Action.VIEW),
        Q(is_quarantined=False) | within(user, Action.MANAGE),
        deleted_at__isnull=True,
    )


def may(user: Person, action: Action, cohort: Cohort) -> bool:
    """Whether `user` may do `action` in `cohort`."""
    return action in actions_in(user, cohort)


def actions_in(user: Person, cohort: Cohort) -> frozenset[Action]:
    """All that `user` may do in `cohort`."""
    if not user.is_authenticated or not user.is_active or user.limited_to not in (None, cohort.pk):
        return frozenset()
    ended = ENDED_WITH_THE_COHORT if cohort.deleted_at else frozenset()
    if user.is_superuser:
        return frozenset(Action) - ended
    held = held_by(user).get(cohort.pk)
    return CAPABILITIES[held.role] - ended if held else frozenset()


def may_anywhere(user: Person, action: Action) -> bool:
    """Whether there is a cohort in which `user` may do `action`."""
    return cohorts_where(user, action).exists()


def actions_anywhere(user: Person) -> frozenset[tuple[Action, Reading]]:
    """All that `user` may do in one cohort or another, each with how that cohort is read."""
    from cases.models import Cohort

    if not user.is_authenticated or not user.is_active:
        return frozenset()
    if user.is_superuser:
        read_as = Cohort.objects.order_by().values_list("reading", flat=True).distinct()
        held = {(Role.ADMINISTRATOR, Reading(reading)) for reading in read_as}
    else:
        held = {(each.role, each.reading) for each in held_by(user).values()}
    return frozenset((action, reading) for role, reading in held for action in CAPABILITIES[role])


def may_amend(user: Person, review: Review) -> bool:
    """Whether `user` may amend `review`: its author, while still a reader there."""
    return review.reader_id == user.pk and may(user, Action.REVIEW, review.case.cohort)


@dataclass(frozen=True)
class Reader:
    """Somebody of whom it was checked that they read this case for the study.

    `require_reader` and `reader_of` make it, once a request; who is handed one asks no right again.
    """

    user: User
    case: Case


def reader_of(user: User, case: Case, actions: frozenset[Action]) -> Reader | None:
    """The user as a reader of this case, by the rule of `reading_cohorts`; None where it does not hold.

    actions: all that the user may do in the case's cohort. No query, where cohort and protocol are loaded.
    """
    terms = case.protocol or case.cohort
    if case.is_quarantined or Action.REVIEW not in actions or terms.adjudicator_id == user.pk:
        return None
    if terms.reading == Reading.AI_FIRST:
        return Reader(user, case)
    is_blinded_and_saw_nothing = terms.reading == Reading.BLINDED and Action.MANAGE not in actions
    return Reader(user, case) if is_blinded_and_saw_nothing else None


def require_reader(user: User, case: Case) -> Reader:
    """The user as a reader of this case. Raises PermissionDenied, with a sentence for the user."""
    actions = actions_in(user, case.cohort)
    if reader := reader_of(user, case, actions):
        return reader
    if Action.REVIEW not in actions:
        raise _refusal(case.cohort)
    if case.is_quarantined:
        raise PermissionDenied(
            _t("This case is quarantined: an administrator of the cohort looks at it before it is read.")
        )
    raise PermissionDenied(
        _t(
            "You do not read this case: in a blinded cohort its administrators do not, since they see "
            "all results; the adjudicator does not; and a teaching cohort is read in teaching mode."
        )
    )


def require(user: Person, action: Action, cohort: Cohort) -> None:
    """Raise PermissionDenied, with a sentence for the user, unless `may` holds."""
    if not may(user, action, cohort):
        raise _refusal(cohort)


def _refusal(cohort: Cohort) -> PermissionDenied:
    return PermissionDenied(
        _t("Your role in “%(cohort)s” does not allow this. Ask its study administrator.")
        % {"cohort": cohort.name}
    )
