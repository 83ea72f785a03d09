"""The dashboard and an export are of one moment, whatever others commit between any two of their queries."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from cases.lifecycle import Verdict
from cases.models import Case, Image, Job, Review
from cases.models.review import standing
from cases.reading.read_input import ReadInput
from cases.reading.reviews import amend_review
from cases.snapshot import one_snapshot
from tests.cases.api.support import API
from tests.cases.api.test_answers_of_several_queries import Between

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
# What they leave, append-only rows among it, SQLite does not give up again.
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="is not cleaned up elsewhere")

# More than any of these answers asks.
MOST_QUERIES = 80


def elsewhere(act: Callable[[], Any]) -> Callable[[], None]:
    """Do it on a connection of its own, and commit."""

    def run() -> None:
        act()
        connection.close()

    def begin() -> None:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()

    return begin


def asked_at_each_query(ask: Callable[[], Any], act: Callable[[], Any]) -> list[Any]:
    """The answers, with `act` committed before the first query, before the second, and so on to the end."""
    answers = []
    for number in range(MOST_QUERIES):
        between = Between(number, elsewhere(act))
        with connection.execute_wrapper(between):
            answers.append(ask())
        if not between.is_done:
            return answers
    raise AssertionError("more queries than were looked at")


@on_postgresql
def test_dashboard_counts_cases_and_jobs_of_one_moment(administrator, cohort, submit, client_of) -> None:
    first = submit().images.get()

    def one_more() -> None:
        with transaction.atomic():
            case = Case.objects.create(cohort=cohort, created_by=administrator)
            fields = {"width": 64, "height": 64, "bit_depth": 8, "colour": "grey", "source_bytes": 1}
            image = Image.objects.create(
                case=case, cohort=cohort, file=first.file, source_sha256=case.pk.hex, **fields
            )
            Job.objects.create(image=image, model_version=first.jobs.get().model_version)

    client = client_of(administrator)

    def ask() -> int:
        before = Case.objects.count()
        context = client.get(f"/dashboard/?cohort={cohort.pk}").context
        assert context["case_count"] == context["job_count"]
        assert context["plan"].in_work == context["job_count"]
        return context["case_count"] - before

    told = asked_at_each_query(ask, one_more)
    assert set(told) == {0, 1}
    assert len(told) > 10


@on_postgresql
def test_export_has_a_review_or_its_amendment_and_never_both(
    reviewed_case, colleague, exporter, api_of
) -> None:
    def amend() -> None:
        review = Review.objects.filter(standing()).get()
        read = ReadInput("", 3, "again", verdict=Verdict.AGREE)
        amend_review(by=colleague, review=review, read=read, reason="Looked again.")

    client = api_of(exporter)

    def ask() -> bool:
        (row,) = client.get(f"{API}reviewed-cases/").json()["results"]
        known = {str(review.pk): review for review in Review.objects.select_related("amends")}
        said = known[row["review_id"]]
        assert row["amends"] == (str(said.amends_id) if said.amends_id else None)
        assert row["comment"] == said.comment
        return row["amendment"]

    assert set(asked_at_each_query(ask, amend)) == {True}


@pytest.mark.both_databases
def test_snapshot_in_a_transaction_that_is_open_changes_nothing(cohort) -> None:
    with transaction.atomic(), one_snapshot():
        cohort.name = "Renamed"
        cohort.save()
    cohort.refresh_from_db()
    assert cohort.name == "Renamed"


@pytest.mark.both_databases
def test_snapshot_takes_no_lock_that_others_need_and_leaves_the_connection_as_it_was(cohort) -> None:
    def rename() -> None:
        type(cohort).objects.filter(pk=cohort.pk).update(name="Renamed")

    with one_snapshot():
        assert type(cohort).objects.get(pk=cohort.pk).name == "North"
        elsewhere(rename)()
        assert type(cohort).objects.get(pk=cohort.pk).name == "North"
    assert type(cohort).objects.get(pk=cohort.pk).name == "Renamed"
    with transaction.atomic():
        type(cohort).objects.filter(pk=cohort.pk).update(name="Again")
