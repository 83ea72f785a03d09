"""Two readers at the same moment, on a real database: one slot, one read, one review, one decision."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from cases.lifecycle import Verdict
from cases.models import Adjudication, Case, Claim, Draft, FirstRead, Prediction, Review
from cases.permissions import require_reader
from cases.reading import drafts
from cases.reading.adjudications import adjudicate
from cases.reading.claims import SlotTaken, claim_case
from cases.reading.first_reads import FirstReadConflict, commit_first_read
from cases.reading.read_input import ReadInput

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs row locks"),
]


def fresh() -> Case:
    return Case.objects.select_related("cohort", "protocol").get()


def at_once(*acts: Callable[[], object]) -> list[object]:
    """What each act returned or raised, all begun at the same moment."""
    gate = Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        try:
            gate.wait()
            return act()
        except Exception as raised:  # noqa: BLE001 - the test looks at it
            return raised
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_one_slot_is_claimed_by_one_of_two_readers(ready_case, colleague, second) -> None:
    found = at_once(
        *(lambda by=by: claim_case(reader=require_reader(by, fresh())) for by in (colleague, second))
    )
    assert sorted(type(each).__name__ for each in found) == ["Claim", "SlotTaken"]
    assert Claim.objects.count() == 1


def test_one_slot_takes_one_first_read(ready_case, blinded, colleague, second) -> None:
    read = ReadInput("glioma", 4)
    found = at_once(
        *(
            lambda by=by: commit_first_read(reader=require_reader(by, fresh()), read=read)
            for by in (colleague, second)
        )
    )
    assert sum(isinstance(each, SlotTaken) for each in found) == 1
    assert FirstRead.objects.count() == 1


def test_two_windows_of_one_reader_commit_once(ready_case, blinded, colleague) -> None:
    reads = [ReadInput(seen, 4) for seen in ("glioma", "meningioma")]
    found = at_once(
        *(
            lambda read=read: commit_first_read(reader=require_reader(colleague, fresh()), read=read)
            for read in reads
        )
    )
    assert sum(isinstance(each, FirstReadConflict) for each in found) == 1
    assert FirstRead.objects.count() == 1


def test_submitted_review_is_made_final_once(ready_case, colleague) -> None:
    drafts.submit_preliminary(
        reader=require_reader(colleague, fresh()),
        prediction=Prediction.objects.get(),
        read=ReadInput("", 4, verdict=Verdict.AGREE),
    )
    found = at_once(*[lambda: drafts.finalise_of(by=colleague)] * 4)
    assert found == [None] * 4
    assert (Review.objects.count(), Draft.objects.count()) == (1, 0)


def test_disputed_case_is_decided_once(
    ready_case, under_protocol, colleague, second, referee, review_as
) -> None:
    under_protocol(readers_required=2, adjudicator=referee)
    review_as(colleague, ready_case)
    review_as(second, ready_case, corrected="meningioma")
    decisions = [ReadInput(seen, 5) for seen in ("glioma", "meningioma")]
    found = at_once(
        *(lambda said=said: adjudicate(by=referee, case=fresh(), read=said) for said in decisions)
    )
    assert sum(isinstance(each, Adjudication) for each in found) == 1
    assert Adjudication.objects.count() == 1
