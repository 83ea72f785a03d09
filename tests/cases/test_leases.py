"""A row that waits for a worker: taken by one, held, put off, and lost to the next."""

import threading
from datetime import timedelta

import pytest
from django.db.models import Q
from django.utils import timezone

from cases import leases
from cases.models import Snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

QUEUED = Q(state="queued")
PAST, SOON = timedelta(seconds=-1), timedelta(minutes=1)


@pytest.fixture
def rows(cohort, administrator):
    for _ in range(2):
        Snapshot.objects.create(cohort=cohort, created_by=administrator)
    return Snapshot.objects.order_by("created_at")


def due(row: Snapshot, after: timedelta) -> None:
    Snapshot.objects.filter(pk=row.pk).update(next_at=timezone.now() + after)


def test_rows_are_taken_in_their_order_each_by_one_and_none_twice(rows) -> None:
    first, second = rows.all()
    taken = [leases.take(rows, QUEUED, rows_written=7) for _ in range(3)]
    assert taken == [first, second, None]
    assert {(row.attempts, row.rows_written) for row in rows} == {(1, 7)}
    assert taken[0].token != taken[1].token
    assert rows.filter(leases.is_held()).count() == 2
    assert not rows.filter(leases.is_due()).exists()


def test_row_that_does_not_wait_is_not_taken(rows) -> None:
    rows.update(state="failed")
    assert leases.take(rows, QUEUED) is None


def test_row_of_whoever_died_is_taken_again_and_no_longer_his(rows) -> None:
    died = leases.take(rows, QUEUED)
    due(died, PAST)
    again = leases.take(rows, QUEUED)
    assert (again.pk, again.attempts) == (died.pk, 2)
    for act in (leases.change, leases.end, leases.put_off):
        with pytest.raises(leases.Lost):
            act(died, state="failed")
    leases.end(again, state="failed")
    row = rows.get(pk=again.pk)
    assert (row.state, row.token, row.next_at, row.attempts) == ("failed", None, None, 2)


def test_row_that_nobody_has_taken_is_changed_by_nobody(rows) -> None:
    with pytest.raises(leases.Lost):
        leases.change(rows[0], state="failed")
    assert {row.state for row in rows} == {"queued"}


def test_row_that_is_put_off_is_neither_held_nor_due_until_then(rows) -> None:
    row = leases.take(rows.filter(pk=rows[0].pk), QUEUED)
    leases.put_off(row, timezone.now() + SOON)
    assert not rows.filter(leases.is_held() | leases.is_due(), pk=row.pk).exists()
    due(row, PAST)
    assert leases.take(rows, QUEUED).pk == row.pk


def test_row_that_is_given_back_is_due_at_once(rows) -> None:
    leases.put_off(leases.take(rows, QUEUED))
    assert rows.filter(leases.is_due()).count() == 2


def test_next_try_comes_each_time_after_twice_as_long() -> None:
    minute = timedelta(minutes=1)
    waits = [
        leases.pause_after(attempts, first=minute, longest=10 * minute) for attempts in (1, 2, 3, 4, 5, 1000)
    ]
    assert [wait // minute for wait in waits] == [1, 2, 4, 8, 10, 10]


def test_lease_is_renewed_while_the_work_goes_on_and_not_once_it_is_lost(rows, monkeypatch) -> None:
    row, answers, over = leases.take(rows, QUEUED), [], threading.Event()

    def changed(held: Snapshot, **changes: object) -> bool:
        answers.append((held, list(changes)))
        if len(answers) == 2:
            over.set()
        return len(answers) < 2

    # The thread's connection would not see the rows of this test.
    monkeypatch.setattr(leases, "_changed", changed)
    with leases.renewing(row, at_most=60, lasting=timedelta(milliseconds=40)):
        assert over.wait(30)
    assert answers == [(row, ["next_at"])] * 2
