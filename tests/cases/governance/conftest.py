"""A cohort whose cases came in, and were read, in weeks of the spring of 2026."""

from __future__ import annotations

import functools
from datetime import date

import pytest
from django.utils import timezone

from cases.models import Case, Review
from tests.support.weeks import take_in

TODAY = date(2026, 5, 13)


@pytest.fixture(autouse=True)
def on_a_wednesday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "localdate", lambda *_value: TODAY)


@pytest.fixture
def came_in(cohort, owner, colleague, model_version, monkeypatch):
    """Take in `n` cases of one day, each with a result and, where `read` is a class, a review."""
    monkeypatch.setattr(Review._meta.get_field("created_at"), "auto_now_add", False)
    take = functools.partial(take_in, cohort, by=owner, reader=colleague)

    def cases_of(day: date, n: int, *, version=model_version, **told) -> list[Case]:
        return take(version=version, day=day, n=n, **told)

    return cases_of
