"""Before whom the network's results, and other readers' statements, lie open. Every read asks here.

In a blinded cohort no field of a result leaves the server for a reader before that reader's own class and
confidence are locked. Its administrators see all, and therefore do not read there (`permissions.reader_of`).
Nobody who reads a case sees another reader's statement, or the known class, before the case is over; what
was shown to whom is written down (cases/disclosures.py).

The same picture in another cohort opens nothing that a blinded one keeps shut: see `held_back_from`.
"""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q

from cases.held_roles import asked_once
from cases.lifecycle import UNREAD_STATES, CaseState, Reading
from cases.models import Adjudication, Case, Cohort, FirstRead, Image, Protocol, Review, TeachingRead
from cases.permissions import (
    Action,
    cohorts_where,
    may_share_what_is_read_blind,
    reading_cohorts,
    under,
    within,
)

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from cases.permissions import Person

OVER = (CaseState.REVIEWED, CaseState.CLOSED)


@asked_once()
def results_visible_to(user: Person, prefix: str = "") -> Q:
    """The condition on cases (at the end of the path `prefix`) whose results `user` may see."""
    open_to = within(user, Action.READ, prefix) & (
        under(Reading.AI_FIRST, prefix)
        | within(user, Action.MANAGE, prefix)
        | (under(Reading.BLINDED, prefix) & (_has(FirstRead, "reader", user, prefix)))
        | (under(Reading.BLINDED, prefix) & _has(Adjudication, "adjudicator", user, prefix))
        | (under(Reading.TEACHING, prefix) & _has(TeachingRead, "reader", user, prefix))
    )
    return open_to & ~held_back_from(user, prefix)


@asked_once()
def statements_visible_to(user: Person, prefix: str = "") -> Q:
    """The condition on cases of which `user` may see what other readers said.

    A case that is over lies open where the network's result does too, and to those who have read it. Before,
    it does to administrators where they do not read; under AI first they do, and are held to the same.
    """
    over = Q(**{f"{prefix}state__in": OVER})
    open_to = within(user, Action.READ, prefix) & (
        (within(user, Action.MANAGE, prefix) & ~under(Reading.AI_FIRST, prefix))
        | (over & under(Reading.AI_FIRST, prefix))
        | (over & _has(Review, "reader", user, prefix))
        | _has(Adjudication, "adjudicator", user, prefix)
    )
    return open_to & ~held_back_from(user, prefix)


@asked_once()
def held_back_from(user: Person, prefix: str = "") -> Q:
    """The condition on cases with a picture that `user` still has to read blind in another cohort, and has
    committed no read of here.

    Whether two images are the same picture was settled when they came in (cases/intake/copies.py): also one
    that was taken from the portal's own page and altered a little before it was uploaded again.
    """
    if not may_share_what_is_read_blind(user):
        return Q(**{f"{prefix}pk__in": []})
    to_read = Case.objects.filter(
        reading_cohorts(user), under(Reading.BLINDED), state__in=UNREAD_STATES
    ).exclude(Exists(FirstRead.objects.filter(case=OuterRef("pk"), reader=user.pk)))
    # Asked for each twin, of which there are few: as a list, a database would gather all that is to be read.
    twin = Image.objects.filter(
        Exists(to_read.filter(pk=OuterRef("case"))), picture=OuterRef("picture")
    ).exclude(cohort=OuterRef("cohort"))
    shares_one = Exists(Image.objects.filter(Exists(twin), case=OuterRef(f"{prefix}pk")))
    return Q(shares_one) & ~_has(FirstRead, "reader", user, prefix)


def may_lie_open(user: Person) -> Q:
    """A condition on cases that `results_visible_to` implies, and that is asked without a look at each: in a
    blinded cohort, only what the user has read or decided. For filters and orders over many cases.
    """
    return functools.reduce(operator.or_, own_openings(user), Q(cohort__in=openly_read(user)))


@asked_once()
def openly_read(user: Person) -> QuerySet[Cohort]:
    """The cohorts of whose cases some lie open before the user without an own read."""
    begun = Exists(Protocol.objects.filter(cohort=OuterRef("pk"), reading=Reading.AI_FIRST))
    managed = Q(pk__in=cohorts_where(user, Action.MANAGE).values("pk"))
    return Cohort.objects.filter(Q(reading=Reading.AI_FIRST) | begun | managed)


def own_openings(user: Person) -> list[Q]:
    """The conditions on cases that the user has read, decided or answered."""
    return [
        Q(pk__in=FirstRead.objects.filter(reader=user.pk).values("case")),
        Q(pk__in=Adjudication.objects.filter(adjudicator=user.pk).values("case")),
        Q(pk__in=TeachingRead.objects.filter(reader=user.pk).values("case")),
    ]


def is_held_back(user: Person, case: Case) -> bool:
    """Whether `held_back_from` holds for one case."""
    return Case.objects.filter(held_back_from(user), pk=case.pk).exists()


def truth_lies_open(case: Case) -> bool:
    """Whether the known class may be shown to readers of the case at all: not before it is over."""
    return case.state in OVER


def may_see_results(user: Person, case: Case) -> bool:
    """Whether `results_visible_to` holds for one case."""
    return Case.objects.filter(results_visible_to(user), pk=case.pk).exists()


def may_see_statements(user: Person, case: Case) -> bool:
    """Whether `statements_visible_to` holds for one case."""
    return Case.objects.filter(statements_visible_to(user), pk=case.pk).exists()


def _has(
    model: type[FirstRead | Adjudication | TeachingRead | Review], who: str, user: Person, prefix: str
) -> Q:
    """That `user` has made a row of `model` of the case."""
    own = model.objects.filter(**{"case": OuterRef(f"{prefix}pk"), who: user.pk})
    return Q(Exists(own))
