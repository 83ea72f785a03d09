"""Readers who differ, and the one who decides."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from cases.lifecycle import Verdict
from cases.models import Adjudication, AuditEvent, Case
from cases.reading.adjudications import adjudicate
from cases.reading.read_input import ReadInput
from cases.reading.reviews import amend_review

pytestmark = pytest.mark.both_databases

MENINGIOMA = ReadInput("meningioma", 5, "broad base")


@pytest.fixture
def disputed(ready_case, under_protocol, colleague, second, referee, review_as) -> Case:
    under_protocol(readers_required=2, adjudicator=referee)
    review_as(colleague, ready_case)
    review_as(second, ready_case, corrected="meningioma")
    return Case.objects.select_related("cohort", "protocol").get()


def test_case_whose_readers_differ_waits_for_the_adjudicator(disputed) -> None:
    assert disputed.state == "disputed"


def test_case_whose_readers_agree_is_reviewed(
    ready_case, under_protocol, colleague, second, referee, review_as
) -> None:
    under_protocol(readers_required=2, adjudicator=referee)
    review_as(colleague, ready_case)
    assert Case.objects.get().state == "in_review"
    review_as(second, ready_case)
    assert Case.objects.get().state == "reviewed"


def test_case_whose_readers_differ_is_reviewed_where_nobody_adjudicates(
    ready_case, under_protocol, colleague, second, review_as
) -> None:
    under_protocol(readers_required=2)
    review_as(colleague, ready_case)
    review_as(second, ready_case, corrected="meningioma")
    assert Case.objects.get().state == "reviewed"


def test_adjudicator_decides_once(disputed, referee) -> None:
    decision = adjudicate(by=referee, case=disputed, read=MENINGIOMA)
    assert (decision.final_class, decision.confidence, decision.comment) == ("meningioma", 5, "broad base")
    assert Case.objects.get().state == "reviewed"
    assert AuditEvent.objects.get(action="case.adjudicated").actor == referee
    disputed.refresh_from_db()
    with pytest.raises(ValidationError, match="waits for no adjudication"):
        adjudicate(by=referee, case=disputed, read=MENINGIOMA)
    assert Adjudication.objects.count() == 1


@pytest.mark.parametrize("who", ["colleague", "second", "administrator", "owner", "stranger"])
def test_nobody_else_decides(who, disputed, request) -> None:
    with pytest.raises(PermissionDenied):
        adjudicate(by=request.getfixturevalue(who), case=disputed, read=MENINGIOMA)
    assert not Adjudication.objects.exists()
    assert Case.objects.get().state == "disputed"


def test_amendment_that_ends_the_difference_is_a_remark_and_leaves_the_dispute(disputed, second) -> None:
    review = second.reviews.get()
    remark = amend_review(
        by=second, review=review, read=ReadInput("", 4, verdict=Verdict.AGREE), reason="looked again"
    )
    assert remark.is_remark
    assert Case.objects.get().state == "disputed"
