"""Who may delete, and the second person who confirms it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import F

from cases.deletion.requests import ask, confirm, run_out, turn_down
from cases.deletion.targets import Target
from cases.lifecycle import DeletionKind, DeletionReason, RequestState
from cases.models import AuditEvent, Deletion, DeletionRequest

pytestmark = pytest.mark.both_databases


@pytest.fixture
def two(settings) -> None:
    settings.DELETION_NEEDS_TWO = True


@pytest.fixture
def deputy(make_person, cohort):
    return make_person("deputy", cohort, "administrator")


@pytest.fixture
def asked(two, ready_case, administrator) -> DeletionRequest:
    target = Target(DeletionKind.CASE, ready_case.cohort, ready_case)
    made = ask(by=administrator, target=target, reason=DeletionReason.CONSENT, words="by letter")
    assert isinstance(made, DeletionRequest)
    return made


def test_only_administrators_of_the_cohort_delete(ready_case, owner, colleague, exporter, stranger) -> None:
    target = Target(DeletionKind.CASE, ready_case.cohort, ready_case)
    for person in (owner, colleague, exporter, stranger):
        with pytest.raises(PermissionDenied):
            ask(by=person, target=target, reason=DeletionReason.CONSENT)
    assert Deletion.objects.count() == 0


def test_second_administrator_confirms_and_then_it_goes(asked, administrator, deputy, ready_case) -> None:
    assert Deletion.objects.count() == 0
    deletion = confirm(by=deputy, asked=asked)
    assert (deletion.by, deletion.confirmed_by, deletion.words) == (administrator, deputy, "by letter")
    asked.refresh_from_db()
    assert (asked.state, asked.decided_by) == (RequestState.CARRIED_OUT, deputy)
    ready_case.refresh_from_db()
    assert ready_case.deleted_at == deletion.at
    assert AuditEvent.objects.get(action="case.deleted").details["confirmed_by"] == str(deputy.pk)


def test_nobody_confirms_the_own_request(asked, administrator, colleague) -> None:
    with pytest.raises(ValidationError, match="Somebody else has to confirm it"):
        confirm(by=administrator, asked=asked)
    with pytest.raises(PermissionDenied):
        confirm(by=colleague, asked=asked)
    asked.refresh_from_db()
    assert (asked.state, Deletion.objects.count()) == (RequestState.WAITING, 0)


def test_same_thing_is_asked_for_once(asked, deputy, ready_case) -> None:
    target = Target(DeletionKind.CASE, ready_case.cohort, ready_case)
    with pytest.raises(ValidationError, match="asked for already"):
        ask(by=deputy, target=target, reason=DeletionReason.OTHER, words="again")
    assert DeletionRequest.objects.count() == 1


def test_request_is_declined_by_another_and_taken_back_by_its_own(asked, administrator, deputy) -> None:
    turn_down(by=deputy, asked=asked)
    asked.refresh_from_db()
    assert (asked.state, asked.decided_by) == (RequestState.DECLINED, deputy)
    with pytest.raises(ValidationError, match="waits no more"):
        confirm(by=deputy, asked=asked)
    again = ask(
        by=administrator,
        target=Target(DeletionKind.CASE, asked.cohort, asked.case),
        reason=DeletionReason.CONSENT,
    )
    turn_down(by=administrator, asked=again)
    again.refresh_from_db()
    assert again.state == RequestState.WITHDRAWN
    assert Deletion.objects.count() == 0


def test_request_that_waited_too_long_can_be_confirmed_no_more(asked, deputy) -> None:
    DeletionRequest.objects.update(ends_at=F("asked_at") - timedelta(seconds=1))
    with pytest.raises(ValidationError, match="waits no more"):
        confirm(by=deputy, asked=asked)
    assert run_out() == 1
    asked.refresh_from_db()
    assert (asked.state, Deletion.objects.count()) == (RequestState.EXPIRED, 0)
