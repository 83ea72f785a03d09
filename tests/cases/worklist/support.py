"""What tests of several subjects ask of the worklist."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from cases.cohorts import cohorts_of
from cases.permissions import visible_to
from cases.worklist.filters import WorklistFilter
from cases.worklist.listing import with_analysis
from cases.worklist.reading_queue import in_reading_order, waits_for
from cases.worklist.sorting import Sort, page_of

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from cases.worklist.listing import AnalysedCase
    from cases.worklist.reading_queue import PlacedCase
    from portal.accounts.models import User


def listed(user: User, **filters: object) -> list[AnalysedCase]:
    """The first page of the user's worklist, newest first."""
    cohorts = [held.cohort.pk for held in cohorts_of(user)]
    dressed = functools.partial(with_analysis, user)
    chosen = WorklistFilter(**filters)
    return page_of(user, chosen, Sort.NEWEST, None, 50, cohorts=cohorts, dressed=dressed).rows


def awaiting_review(user: User) -> QuerySet[PlacedCase]:
    """All cases that wait for this user's reading, in the order in which they are offered."""
    return in_reading_order(waits_for(user, visible_to(user)))
