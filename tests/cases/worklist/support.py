"""What tests of several subjects ask of the worklist."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from cases.cohorts import cohorts_of
from cases.worklist.filters import WorklistFilter
from cases.worklist.listing import with_analysis
from cases.worklist.sorting import Sort, page_of

if TYPE_CHECKING:
    from cases.worklist.listing import AnalysedCase
    from portal.accounts.models import User


def listed(user: User, **filters: object) -> list[AnalysedCase]:
    """The first page of the user's worklist, newest first."""
    cohorts = [held.cohort.pk for held in cohorts_of(user)]
    dressed = functools.partial(with_analysis, user)
    chosen = WorklistFilter(**filters)
    return page_of(user, chosen, Sort.NEWEST, None, 50, cohorts=cohorts, dressed=dressed).rows
