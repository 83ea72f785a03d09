"""Acts on many cases: what is left out and why, what is done, and that it is audited and asked again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.base import ContentFile
from django.utils import timezone

from cases.analysis.results import current_result
from cases.deletion.acts import Why, delete, finish_deletions
from cases.deletion.targets import Target
from cases.intake.uploads import submit_file
from cases.lifecycle import CaseState, DeletionKind, DeletionReason, JobStatus, Priority, Verdict
from cases.models import Assignment, AuditEvent, Case, Claim, Draft, FirstRead, Image, Job, Membership
from cases.permissions import require_reader
from cases.reading.first_reads import commit_first_read
from cases.reading.read_input import ReadInput
from cases.reading.reviews import submit_review
from cases.worklist.bulk import Act, carry_out, plan
from cases.worklist.bulk_acts import Assign, Close, Requeue, SetPriority, TakeAway
from cases.worklist.moving import Move
from tests.cast import make_png_bytes

pytestmark = pytest.mark.both_databases


def codes_of(*cases: Case) -> list[str]:
    return [case.code for case in cases]


def reasons(by, act: Act, *cases: Case) -> list[tuple[str, tuple[str, ...]]]:
    return [(group.reason, group.codes) for group in plan(by=by, act=act, codes=codes_of(*cases)).left_out]


@pytest.fixture
def three(submit, analyse_as) -> list[Case]:
    cases = [submit(seed=seed) for seed in range(3)]
    for case in cases:
        analyse_as(case)
    return cases


@pytest.fixture
def south(other_cohort, administrator):
    """The other cohort, which the administrator administers too."""
    Membership.objects.create(user=administrator, cohort=other_cohort, role="administrator")
    return other_cohort


def events(action: str) -> int:
    return AuditEvent.objects.filter(action=action).count()


def test_plan_changes_nothing(three, administrator, second) -> None:
    before = AuditEvent.objects.count()
    planned = plan(by=administrator, act=Assign(second), codes=codes_of(*three))
    assert {case.code for case in planned.cases} == set(codes_of(*three))
    assert (Assignment.objects.count(), AuditEvent.objects.count()) == (0, before)


def test_cases_are_given_to_a_reader_and_each_is_audited(three, administrator, second, colleague) -> None:
    done = carry_out(by=administrator, act=Assign(second), codes=codes_of(*three[:2]))
    assert len(done.cases) == 2
    given = Assignment.objects.values_list("case", "reader", "assigned_by")
    assert set(given) == {(case.pk, second.pk, administrator.pk) for case in three[:2]}
    told = AuditEvent.objects.filter(action="case.assigned")
    assert {event.subject for event in told} == {str(case.pk) for case in three[:2]}
    assert {event.details["reader"] for event in told} == {str(second.pk)}
    assert len({event.details["batch"] for event in told}) == 1


@pytest.mark.parametrize("who", ["colleague", "owner", "stranger"])
def test_who_does_not_administer_the_cohort_changes_nothing(who, three, second, request) -> None:
    by = request.getfixturevalue(who)
    for act in (Assign(second), TakeAway(None), SetPriority(Priority.URGENT), Requeue(), Close()):
        assert carry_out(by=by, act=act, codes=codes_of(*three)).cases == ()
    assert Assignment.objects.count() == 0
    assert set(Case.objects.values_list("state", "priority")) == {("open", 0)}


def test_foreign_cases_are_not_told_of(three, stranger, second) -> None:
    assert plan(by=stranger, act=Assign(second), codes=codes_of(*three)).left_out == ()


def test_administrator_of_another_cohort_is_told_why(three, colleague, second) -> None:
    assert reasons(colleague, Assign(second), three[0]) == [
        ("You do not administer their cohort.", (three[0].code,))
    ]


def test_reader_is_given_only_what_the_reader_reads(
    three, administrator, owner, stranger, second, review_as, under_protocol
) -> None:
    under_protocol(readers_required=2)
    for nobody in (owner, stranger):
        assert reasons(administrator, Assign(nobody), three[0]) == [
            (f"{nobody} does not read them.", (three[0].code,))
        ]
    review_as(second, three[0])
    Assignment.objects.create(case=three[1], reader=second, assigned_by=administrator)
    Case.objects.filter(pk=three[2].pk).update(state=CaseState.CLOSED)
    assert dict(reasons(administrator, Assign(second), *three)) == {
        "Second has read them already.": (three[0].code,),
        "Second has them already.": (three[1].code,),
        "They wait for no reader any more.": (three[2].code,),
    }


def test_administrator_of_a_blinded_cohort_is_given_no_case(three, blinded, administrator) -> None:
    assert reasons(administrator, Assign(administrator), three[0]) == [
        ("Administrator does not read them.", (three[0].code,))
    ]


def test_cases_are_taken_away_from_one_reader_or_from_all(three, administrator, colleague, second) -> None:
    for reader in (colleague, second):
        carry_out(by=administrator, act=Assign(reader), codes=codes_of(*three))
    carry_out(by=administrator, act=TakeAway(second), codes=codes_of(three[0]))
    assert set(three[0].assignments.values_list("reader", flat=True)) == {colleague.pk}
    assert reasons(administrator, TakeAway(second), three[0]) == [
        ("They are not given to them.", (three[0].code,))
    ]
    done = carry_out(by=administrator, act=TakeAway(None), codes=codes_of(*three))
    assert len(done.cases) == 3
    assert Assignment.objects.count() == 0
    assert events("case.assignment_ended") == 4


def test_priority_is_set_but_for_cases_that_are_over(three, administrator, colleague, review_as) -> None:
    review_as(colleague, three[0])
    Case.objects.filter(pk=three[1].pk).update(priority=Priority.URGENT)
    done = carry_out(by=administrator, act=SetPriority(Priority.URGENT), codes=codes_of(*three))
    assert codes_of(*done.cases) == codes_of(three[2])
    assert [case.priority for case in Case.objects.filter(pk__in=[three[0].pk, three[2].pk])].count(1) == 1
    assert {group.reason for group in done.left_out} == {
        "They are read or closed.",
        "They have this priority already.",
    }


def test_failed_and_cancelled_analyses_begin_anew(
    submit, administrator, enqueued, django_capture_on_commit_callbacks
) -> None:
    cases = [submit(seed=seed) for seed in range(3)]
    for case, status in zip(cases, (JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.QUEUED), strict=True):
        Job.objects.filter(image__case=case).update(status=status, attempts=3, error_message="No.")
    with django_capture_on_commit_callbacks(execute=True):
        done = carry_out(by=administrator, act=Requeue(), codes=codes_of(*cases))
    assert {case.pk for case in done.cases} == {case.pk for case in cases[:2]}
    again = Job.objects.filter(image__case__in=cases[:2])
    assert set(again.values_list("status", "attempts", "error_message")) == {("queued", 0, "")}
    assert set(enqueued) == {job.pk for job in again}
    assert events("case.requeued") == 2


def test_open_cases_are_closed_for_good(three, administrator, colleague) -> None:
    done = carry_out(by=administrator, act=Close(), codes=codes_of(*three))
    assert len(done.cases) == 3
    assert set(Case.objects.values_list("state", flat=True)) == {"closed"}
    assert reasons(administrator, Close(), three[0]) == [
        ("They are read or closed already.", (three[0].code,))
    ]


def test_case_that_is_read_just_now_or_submitted_is_not_closed(three, administrator, colleague) -> None:
    now = timezone.now()
    Claim.objects.create(case=three[0], reader=colleague, expires_at=now + timedelta(minutes=5))
    Claim.objects.create(case=three[1], reader=colleague, expires_at=now - timedelta(minutes=5))
    Draft.objects.create(case=three[2], reader=colleague, state="preliminary")
    done = carry_out(by=administrator, act=Close(), codes=codes_of(*three))
    assert codes_of(*done.cases) == codes_of(three[1])
    assert {group.codes for group in done.left_out} == {(three[0].code,), (three[2].code,)}


def test_what_changed_since_the_plan_is_left_out(three, administrator, colleague, review_as) -> None:
    planned = plan(by=administrator, act=Close(), codes=codes_of(*three))
    assert len(planned.cases) == 3
    review_as(colleague, three[0])
    done = carry_out(by=administrator, act=Close(), codes=codes_of(*planned.cases))
    assert len(done.cases) == 2
    three[0].refresh_from_db()
    assert three[0].state == "reviewed"


# --- Moving ---------------------------------------------------------------------


def test_unread_cases_move_with_their_images_and_lose_their_readers(
    three, administrator, second, south
) -> None:
    carry_out(by=administrator, act=Assign(second), codes=codes_of(three[0]))
    done = carry_out(by=administrator, act=Move(south), codes=codes_of(*three))
    assert len(done.cases) == 3
    assert set(Case.objects.values_list("cohort", flat=True)) == {south.pk}
    assert set(Image.objects.values_list("cohort", flat=True)) == {south.pk}
    assert Assignment.objects.count() == 0
    assert events("case.moved") == 3


def test_move_to_a_cohort_of_others_is_denied(three, administrator, other_cohort) -> None:
    with pytest.raises(PermissionDenied):
        carry_out(by=administrator, act=Move(other_cohort), codes=codes_of(*three))
    assert not Case.objects.filter(cohort=other_cohort).exists()


def test_move_to_a_cohort_that_was_deleted_is_denied_and_not_offered(
    three, administrator, south, client_of
) -> None:
    delete(Target(DeletionKind.COHORT, south), Why(DeletionReason.CONSENT, by=administrator))
    south.refresh_from_db()
    with pytest.raises(PermissionDenied):
        carry_out(by=administrator, act=Move(south), codes=codes_of(*three))
    chosen = {"act": "move", "case": three[0].code}
    offered = client_of(administrator).get("/cases/bulk/", chosen).context["form"]["target"].field.queryset
    assert [cohort.name for cohort in offered] == ["North"]
    finish_deletions()
    assert Case.objects.filter(deleted_at__isnull=True).count() == 3


def test_case_whose_reading_has_begun_stays(
    three, administrator, south, colleague, second, review_as
) -> None:
    review_as(colleague, three[0])
    Draft.objects.create(case=three[1], reader=colleague)
    Claim.objects.create(case=three[2], reader=second, expires_at=timezone.now() + timedelta(minutes=5))
    assert [reason for reason, _ in reasons(administrator, Move(south), *three)] == [
        "Their reading has begun."
    ]
    assert carry_out(by=administrator, act=Move(south), codes=codes_of(*three)).cases == ()


def test_first_read_keeps_a_blinded_case_where_it_is(
    three, blinded, administrator, south, colleague, commit_as
) -> None:
    south.reading = "blinded"
    south.save()
    commit_as(colleague, three[0])
    done = carry_out(by=administrator, act=Move(south), codes=codes_of(*three))
    assert {case.pk for case in done.cases} == {three[1].pk, three[2].pk}


@pytest.mark.parametrize(
    ("source", "target"), [("ai_first", "blinded"), ("blinded", "ai_first"), ("blinded", "teaching")]
)
def test_move_between_ways_of_reading_neither_reveals_nor_blinds_afterwards(
    source, target, three, cohort, administrator, south
) -> None:
    for each, reading in ((cohort, source), (south, target)):
        each.reading = reading
        each.save()
    done = carry_out(by=administrator, act=Move(south), codes=codes_of(*three))
    assert done.cases == ()
    assert done.left_out[0].reason.startswith("“South” is read in another way")
    assert not Case.objects.filter(cohort=south).exists()


def test_case_does_not_move_to_where_its_administrator_reads_blinded(
    three, blinded, administrator, south, make_person
) -> None:
    """Who has seen its result as an administrator would read it as if it were unseen."""
    south.reading = "blinded"
    south.save()
    other = make_person("other", blinded, "administrator")
    Membership.objects.create(user=other, cohort=south, role="radiologist")
    done = carry_out(by=administrator, act=Move(south), codes=codes_of(*three))
    assert done.cases == ()
    assert [group.reason for group in done.left_out] == [
        "Administrators of their cohort, who see its results, read in “South”."
    ]


def test_image_that_the_target_has_already_stays(three, administrator, south, owner) -> None:
    Membership.objects.create(user=owner, cohort=south, role="technologist")
    receipt = submit_file(by=owner, cohort=south, file=ContentFile(make_png_bytes(seed=1)))
    assert receipt.outcome == "received"
    done = carry_out(by=administrator, act=Move(south), codes=codes_of(*three))
    assert {case.pk for case in done.cases} == {three[0].pk, three[2].pk}
    assert done.left_out[0].reason == "“South” has the same image already."


def test_commit_of_a_case_that_was_moved_meanwhile_is_refused(
    three, under_protocol, south, colleague
) -> None:
    under_protocol(reading="blinded")
    stale = Case.objects.select_related("cohort", "protocol").get(pk=three[0].pk)
    reader = require_reader(colleague, stale)
    Case.objects.filter(pk=stale.pk).update(cohort=south)
    with pytest.raises(ValidationError, match="moved"):
        commit_first_read(reader=reader, read=ReadInput("glioma", 4))
    assert not FirstRead.objects.exists()
    assert Case.objects.get(pk=stale.pk).protocol is None


def test_review_of_a_case_that_was_moved_meanwhile_is_refused(three, administrator, south, colleague) -> None:
    """The reader's window has the case of before; the old cohort's protocol must not stick to it."""
    Membership.objects.create(user=colleague, cohort=south, role="radiologist")
    stale = Case.objects.select_related("cohort", "protocol").get(pk=three[0].pk)
    result = current_result(colleague, stale)
    Case.objects.filter(pk=stale.pk).update(cohort=south)
    with pytest.raises(ValidationError, match="moved"):
        submit_review(
            reader=require_reader(colleague, stale),
            prediction=result,
            read=ReadInput("", 4, verdict=Verdict.AGREE),
        )
    three[0].refresh_from_db()
    assert (three[0].protocol, three[0].state) == (None, "open")
