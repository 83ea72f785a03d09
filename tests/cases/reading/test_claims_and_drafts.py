"""One slot, one reader; what is typed is kept, what is submitted can be undone, what is left is final."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from cases.lifecycle import Verdict
from cases.models import Assignment, AuditEvent, Case, Claim, Draft, Membership, Prediction, Review
from cases.permissions import require_reader
from cases.reading import drafts
from cases.reading.claims import SlotTaken, claim_case, hold_claim, release_claim
from cases.reading.read_input import ReadInput
from cases.reading.reviews import ReviewConflict
from cases.worklist.reading_queue import next_case
from tests.cases.worklist.support import awaiting_review

pytestmark = pytest.mark.both_databases

AGREE = ReadInput("", 4, verdict=Verdict.AGREE)


def fresh(case: Case) -> Case:
    return Case.objects.select_related("cohort", "protocol").get(pk=case.pk)


def submitted(reader, case, opinion: ReadInput = AGREE) -> Draft:
    return drafts.submit_preliminary(
        reader=require_reader(reader, fresh(case)),
        prediction=Prediction.objects.get(image__case=case),
        read=opinion,
    )


def test_claimed_case_is_offered_to_nobody_else_until_the_claim_runs_out(
    ready_case, colleague, second
) -> None:
    claim = claim_case(reader=require_reader(colleague, fresh(ready_case)))
    assert (next_case(colleague), next_case(second)) == (ready_case, None)
    assert awaiting_review(second).count() == 0
    with pytest.raises(SlotTaken) as taken:
        claim_case(reader=require_reader(second, fresh(ready_case)))
    assert taken.value.until == claim.expires_at
    Claim.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert next_case(second) == ready_case
    assert claim_case(reader=require_reader(second, fresh(ready_case))).reader == second


def test_second_slot_is_free_where_two_readers_are_asked_for(
    ready_case, under_protocol, colleague, second, referee
) -> None:
    under_protocol(readers_required=2)
    claim_case(reader=require_reader(colleague, fresh(ready_case)))
    claim_case(reader=require_reader(second, fresh(ready_case)))
    assert next_case(referee) is None
    with pytest.raises(SlotTaken):
        claim_case(reader=require_reader(referee, fresh(ready_case)))
    release_claim(by=second, case=ready_case)
    assert next_case(referee) == ready_case


def test_claim_held_longer_is_one_row_and_one_event(ready_case, colleague) -> None:
    first = claim_case(reader=require_reader(colleague, fresh(ready_case)))
    again = claim_case(reader=require_reader(colleague, fresh(ready_case)))
    assert again.pk == first.pk
    assert again.expires_at >= first.expires_at
    assert AuditEvent.objects.filter(action="case.claimed").count() == 1


def test_holding_makes_the_own_claim_longer_and_takes_none(ready_case, colleague, second) -> None:
    assert not hold_claim(reader=require_reader(colleague, fresh(ready_case)))
    assert not Claim.objects.exists()
    claim = claim_case(reader=require_reader(colleague, fresh(ready_case)))
    assert hold_claim(reader=require_reader(colleague, fresh(ready_case)))
    held = Claim.objects.get()
    assert (held.pk, held.expires_at > claim.expires_at) == (claim.pk, True)
    assert not hold_claim(reader=require_reader(second, fresh(ready_case)))
    assert Claim.objects.get() == claim


def test_claim_that_ran_out_is_held_again_only_while_nobody_else_reads(ready_case, colleague, second) -> None:
    claim_case(reader=require_reader(colleague, fresh(ready_case)))
    Claim.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert hold_claim(reader=require_reader(colleague, fresh(ready_case)))
    Claim.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    claim_case(reader=require_reader(second, fresh(ready_case)))
    with pytest.raises(SlotTaken):
        hold_claim(reader=require_reader(colleague, fresh(ready_case)))
    assert Claim.objects.filter(expires_at__gt=timezone.now()).get().reader == second


@pytest.mark.parametrize("who", ["owner", "stranger"])
def test_claim_is_for_readers_only(who, ready_case, request) -> None:
    with pytest.raises(PermissionDenied):
        claim_case(reader=require_reader(request.getfixturevalue(who), fresh(ready_case)))
    assert not Claim.objects.exists()


def test_assigned_case_is_offered_to_its_reader_only(ready_case, colleague, second, administrator) -> None:
    Assignment.objects.create(case=ready_case, reader=second, assigned_by=administrator)
    assert (next_case(colleague), next_case(second)) == (None, ready_case)


def test_committed_reader_comes_back_to_a_blinded_case_that_is_full(
    ready_case, blinded, colleague, second, commit_as
) -> None:
    commit_as(colleague, ready_case)
    assert (next_case(colleague), next_case(second)) == (ready_case, None)


def test_priority_goes_before_age_and_random_order_is_the_drawn_one(
    submit, analyse_as, under_protocol, colleague
) -> None:
    cases = [submit(seed=seed) for seed in range(3)]
    for case, shuffle in zip(cases, (30, 10, 20), strict=True):
        analyse_as(case)
        Case.objects.filter(pk=case.pk).update(shuffle=shuffle)
    Case.objects.filter(pk=cases[2].pk).update(priority=1)
    assert list(awaiting_review(colleague)) == cases
    under_protocol(reading_order="priority")
    assert list(awaiting_review(colleague)) == [cases[2], cases[0], cases[1]]
    assert next_case(colleague, after=cases[2]) == cases[0]
    under_protocol(reading_order="random")
    assert list(awaiting_review(colleague)) == [cases[1], cases[2], cases[0]]
    assert next_case(colleague, after=cases[0]) == cases[1]


def test_draft_grows_and_an_older_window_is_told(ready_case, colleague) -> None:
    case = fresh(ready_case)
    draft = drafts.save_draft(reader=require_reader(colleague, case), fields={"comment": "a"}, revision=0)
    newer = drafts.save_draft(
        reader=require_reader(colleague, case), fields={"comment": "b"}, revision=draft.revision
    )
    assert newer.revision == draft.revision + 1
    for revision in (0, draft.revision):
        with pytest.raises(drafts.DraftConflict) as conflict:
            drafts.save_draft(
                reader=require_reader(colleague, case), fields={"comment": "c"}, revision=revision
            )
        assert conflict.value.current == newer
    assert Draft.objects.get().fields == {"comment": "b"}


def test_submitted_review_is_preliminary_and_undone(ready_case, colleague, exporter) -> None:
    submitted(colleague, ready_case, ReadInput("meningioma", 3, "tail", verdict=Verdict.DISAGREE))
    assert not Review.objects.exists()
    assert next_case(colleague) is None
    draft = drafts.undo(by=colleague, case=ready_case)
    assert (draft.state, draft.fields["read_class"], draft.fields["comment"]) == (
        "draft",
        "meningioma",
        "tail",
    )
    assert next_case(colleague) == ready_case
    with pytest.raises(drafts.DraftConflict):
        drafts.undo(by=colleague, case=ready_case)


def test_next_case_makes_the_one_before_final(submit, analyse_as, colleague) -> None:
    first, second_case = submit(seed=1), submit(seed=2)
    for case in (first, second_case):
        analyse_as(case)
    submitted(colleague, first, ReadInput("other", 3, other_finding="abscess", verdict=Verdict.DISAGREE))
    drafts.finalise_of(by=colleague, but=first)
    assert not Review.objects.exists()
    drafts.finalise_of(by=colleague, but=second_case)
    review = Review.objects.get()
    assert (review.case, review.final_class, review.other_finding) == (first, "other", "abscess")
    assert not Draft.objects.exists()
    assert fresh(first).state == "reviewed"


def test_review_left_behind_becomes_final_by_itself(ready_case, colleague, settings) -> None:
    submitted(colleague, ready_case)
    assert drafts.finalise_left_behind() == 0
    Draft.objects.update(updated_at=timezone.now() - timedelta(minutes=settings.PRELIMINARY_MINUTES + 1))
    assert (drafts.finalise_left_behind(), drafts.finalise_left_behind()) == (1, 0)
    assert Review.objects.get().verdict == "agree"


def test_review_of_who_lost_the_right_goes_back_to_a_draft(ready_case, colleague) -> None:
    submitted(colleague, ready_case)
    Membership.objects.filter(user=colleague).delete()
    Draft.objects.update(updated_at=timezone.now() - timedelta(days=1))
    assert drafts.finalise_left_behind() == 0
    assert Draft.objects.get().state == "draft"
    assert not Review.objects.exists()


def test_second_submission_and_one_after_the_final_review_are_conflicts(
    ready_case, colleague, review_as
) -> None:
    draft = submitted(colleague, ready_case)
    with pytest.raises(drafts.DraftConflict) as conflict:
        submitted(colleague, ready_case)
    assert conflict.value.current == draft
    drafts.finalise_of(by=colleague)
    with pytest.raises(ReviewConflict):
        submitted(colleague, ready_case)
    assert Review.objects.count() == 1


def test_submission_fills_the_slot(ready_case, colleague, second) -> None:
    submitted(colleague, ready_case)
    with pytest.raises(SlotTaken):
        submitted(second, ready_case)
    assert Draft.objects.get().reader == colleague
