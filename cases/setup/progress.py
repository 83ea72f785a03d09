"""How far a study is against its plan, reader by reader."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db.models import Count, Q
from django.utils import timezone

from cases.models import Review
from cases.models.review import standing
from cases.reading.protocols import readers_under
from cases.setup.cohorts import Plan, plan_of

if TYPE_CHECKING:
    from datetime import date

    from cases.models import Cohort
    from portal.accounts.models import User

# The pace is that of so many days.
PACE_DAYS = 14


@dataclass(frozen=True)
class ReaderProgress:
    """What one reader has read. remaining, forecast: against the plan; None where it says nothing, or where
    the reader reads nothing at present. is_late: the forecast lies behind the planned end, or there is none.
    """

    reader: User
    read: int
    lately: int
    planned: int | None
    remaining: int | None
    forecast: date | None
    is_late: bool


def progress_of(cohort: Cohort) -> list[ReaderProgress]:
    """Every reader of the cohort, and who has read there before, by name; three queries."""
    since = timezone.now() - timedelta(days=PACE_DAYS)
    reviews = Review.objects.filter(standing(), case__cohort=cohort).order_by()
    counts = {
        reader: (n, lately)
        for reader, n, lately in reviews.values_list("reader").annotate(
            n=Count("pk"), lately=Count("pk", filter=Q(created_at__gte=since))
        )
    }
    people = {reader.pk: reader for reader in readers_under(cohort)}
    people |= {person.pk: person for person in get_user_model().objects.filter(pk__in=counts.keys() - people)}
    plan = plan_of(cohort)
    rows = [_of_reader(person, *counts.get(key, (0, 0)), plan) for key, person in people.items()]
    return sorted(rows, key=lambda row: str(row.reader))


def _of_reader(reader: User, read: int, lately: int, plan: Plan) -> ReaderProgress:
    if plan.cases_a_reader is None:
        return ReaderProgress(reader, read, lately, None, None, None, is_late=False)
    remaining = max(0, plan.cases_a_reader - read)
    today = timezone.localdate()
    forecast = today + timedelta(days=ceil(remaining * PACE_DAYS / lately)) if remaining and lately else None
    is_late = bool(remaining and plan.until and (forecast is None or forecast > plan.until))
    return ReaderProgress(reader, read, lately, plan.cases_a_reader, remaining, forecast, is_late)
