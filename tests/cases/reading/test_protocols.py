"""The protocol of a cohort: who may change it, when it freezes, and what stays of it."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from cases.lifecycle import Reading, ReadingOrder
from cases.models import AuditEvent, Case, Protocol
from cases.reading.protocols import Terms, change_protocol, terms_for, terms_of

pytestmark = pytest.mark.both_databases


def fresh(case: Case) -> Case:
    return Case.objects.select_related("cohort", "protocol").get(pk=case.pk)


def test_change_before_any_read_needs_no_reason_and_is_no_new_version(under_protocol, administrator) -> None:
    cohort = under_protocol(reading="blinded", readers_required=2)
    assert (cohort.reading, cohort.readers_required, cohort.protocol_version) == ("blinded", 2, 1)
    event = AuditEvent.objects.get(action="protocol.changed")
    assert event.actor == administrator
    assert event.details == {
        "version": 1,
        "reason": "",
        "reading_before": "ai_first",
        "reading": "blinded",
        "readers_required_before": 1,
        "readers_required": 2,
    }


def test_unchanged_terms_leave_no_trace(under_protocol) -> None:
    under_protocol()
    assert not AuditEvent.objects.filter(action="protocol.changed").exists()


def test_change_after_a_read_is_a_new_version_for_unread_cases_only(
    ready_case, submit, under_protocol, colleague, review_as
) -> None:
    other = submit(seed=1)
    review_as(colleague, ready_case)
    with pytest.raises(ValidationError) as refused:
        under_protocol(reading="blinded")
    assert list(refused.value.message_dict) == ["reason"]
    cohort = under_protocol(reason="The pilot is over.", reading="blinded")
    assert (cohort.protocol_version, cohort.reading) == (2, "blinded")
    assert terms_for(fresh(ready_case)).reading == Reading.AI_FIRST
    assert terms_for(fresh(other)).reading == Reading.BLINDED
    kept = Protocol.objects.get()
    assert (kept.version, kept.reading, kept.cohort) == (1, "ai_first", cohort)
    assert AuditEvent.objects.get(action="protocol.changed").details["reason"] == "The pilot is over."


def test_next_change_before_a_read_of_the_new_version_stays_that_version(
    ready_case, under_protocol, colleague, review_as
) -> None:
    review_as(colleague, ready_case)
    under_protocol(reason="The pilot is over.", reading="blinded")
    assert under_protocol(readers_required=2).protocol_version == 2


@pytest.mark.parametrize("who", ["colleague", "owner", "stranger", "exporter"])
def test_nobody_but_the_administrator_changes_it(who, cohort, request) -> None:
    user = request.getfixturevalue(who)
    terms = Terms(Reading.BLINDED, 1, ReadingOrder.OLDEST, None, reveals_ground_truth=True)
    with pytest.raises(PermissionDenied):
        change_protocol(by=user, cohort=cohort, terms=terms)
    cohort.refresh_from_db()
    assert cohort.reading == "ai_first"


def test_terms_that_do_not_hold_are_refused(cohort, under_protocol, referee, stranger) -> None:
    before = terms_of(cohort)
    for terms, field in (
        ({"readers_required": 0}, "readers_required"),
        ({"readers_required": 21}, "readers_required"),
        ({"adjudicator": referee}, "adjudicator"),
        ({"adjudicator": stranger, "readers_required": 2}, "adjudicator"),
    ):
        with pytest.raises(ValidationError) as refused:
            under_protocol(**terms)
        assert list(refused.value.message_dict) == [field]
    cohort.refresh_from_db()
    assert terms_of(cohort) == before
