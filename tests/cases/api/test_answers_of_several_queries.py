"""Answers that are made of several queries hold together, whatever is stored between any two of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from cases.analysis import jobs
from cases.models import Case
from cases.worklist.rows import rows_by_code
from inference.heatmaps import pack
from tests.cases.api.support import API
from tests.cast import CLASSES, make_maps

pytestmark = [pytest.mark.both_databases, pytest.mark.slow]

# More than any of these answers asks.
MOST_QUERIES = 60


@pytest.fixture
def complete(submitted_case) -> Callable[[], None]:
    """What the worker does at the end of an analysis."""
    lease = jobs.lease(submitted_case.images.get().jobs.get().pk)
    assert lease is not None
    found = dict(zip(CLASSES, (0.7, 0.1, 0.1, 0.1), strict=True))
    result = jobs.Result("glioma", found, pack(make_maps()), 0.1)

    def finish() -> None:
        assert jobs.complete(lease, result)

    return finish


class Between:
    """Does something once, before the query of this number."""

    def __init__(self, number: int, act: Callable[[], None]) -> None:
        self.left, self.act, self.is_done = number, act, False

    def __call__(self, execute: Callable[..., Any], *query: Any) -> Any:
        if self.left == 0 and not self.is_done:
            self.is_done = True
            self.act()
        if not self.is_done:
            self.left -= 1
        return execute(*query)


def asked_of_rest(case: Case, client: Any, _user: Any) -> tuple[bool, bool]:
    said = client.get(f"{API}cases/{case.code}/").json()
    return said["job"]["status"] == "succeeded", bool(said["prediction"] and said["results"])


def asked_of_the_page(case: Case, client: Any, _user: Any) -> tuple[bool, bool]:
    page = client.get(f"/cases/{case.code}/").content.decode()
    return f"/cases/{case.code}/status/" not in page, "Glioma" in page


def asked_of_a_row(case: Case, _client: Any, user: Any) -> tuple[bool, bool]:
    (row,) = rows_by_code(user, [case.code])
    return row.status == "succeeded", row.predicted_class == "glioma"


@pytest.mark.parametrize("ask", [asked_of_rest, asked_of_the_page, asked_of_a_row])
def test_analysis_that_is_over_has_its_result_whenever_it_was_completed(
    ask, submitted_case, colleague, client_of, complete
) -> None:
    client, told = client_of(colleague), set()
    for number in range(MOST_QUERIES):
        between = Between(number, complete)
        # Each round begins with an analysis that runs.
        with transaction.atomic():
            with connection.execute_wrapper(between):
                is_over, has_result = ask(submitted_case, client, colleague)
            transaction.set_rollback(True)
        assert has_result or not is_over, f"completed before query {number}"
        told.add(is_over)
        if not between.is_done:
            break
    assert told == {True, False}
