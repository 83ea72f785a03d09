"""A place in a case is free at once when the case is left unread, and is taken over only on purpose."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from cases.models import AuditEvent, Case, Claim, Draft, FirstRead, Prediction
from cases.permissions import require_reader
from cases.reading.claims import SlotTaken, claim_case, take_over
from cases.worklist.reading_queue import next_case

pytestmark = pytest.mark.both_databases

READ = {"read_class": "glioma", "confidence": "4", "comment": "A long thought.", "other_finding": ""}


def at(case, part: str = "") -> str:
    return f"/cases/{case.code}/{part}"


def fresh(case: Case) -> Case:
    return Case.objects.select_related("cohort", "protocol").get(pk=case.pk)


def claim_of(reader, case: Case) -> Claim:
    return claim_case(reader=require_reader(reader, fresh(case)))


def said_of(case) -> dict[str, str]:
    return {
        "verdict": "disagree",
        "corrected_class": "meningioma",
        "confidence": "4",
        "comment": "A long thought.",
        "prediction": str(Prediction.objects.get(image__case=case).pk),
    }


@pytest.fixture
def two(submit, analyse_as) -> list[Case]:
    cases = [submit(seed=seed) for seed in (1, 2)]
    for case in cases:
        analyse_as(case)
    return cases


def test_going_past_unread_cases_leaves_none_of_them_taken(two, colleague, second, client_of) -> None:
    client = client_of(colleague)
    client.get(at(two[0]))
    client.get(client.post("/cases/next/", {"after": two[0].code})["Location"])
    assert list(Claim.objects.values_list("case", flat=True)) == [two[1].pk]
    assert next_case(second) == two[0]


def test_way_to_the_worklist_frees_the_place_and_keeps_the_draft(ready_case, colleague, client_of) -> None:
    client = client_of(colleague)
    page = client.get(at(ready_case)).content.decode()
    assert f'action="{at(ready_case, "leave/")}"' in page
    client.post(at(ready_case, "draft/"), {"comment": "half a thought", "revision": "0"})
    assert client.post(at(ready_case, "leave/"))["Location"] == "/cases/"
    assert not Claim.objects.exists()
    assert Draft.objects.get().fields["comment"] == "half a thought"


def test_page_that_goes_frees_only_what_nobody_has_held_since(ready_case, colleague, client_of) -> None:
    client = client_of(colleague)
    client.get(at(ready_case))
    before = Claim.objects.get().expires_at.isoformat()
    page = client.get(at(ready_case)).content.decode()
    now = Claim.objects.get().expires_at.isoformat()
    assert f'data-held="{now}"' in page
    assert client.post(at(ready_case, "leave/"), {"held": before}).status_code == 204
    assert Claim.objects.exists()
    assert client.post(at(ready_case, "leave/"), {"held": now}).status_code == 204
    assert not Claim.objects.exists()


@pytest.mark.parametrize("held", ["", "soon", "0001-01-01T00:00:00+14:00", "9" * 400])
def test_page_that_goes_with_nonsense_frees_nothing(held, ready_case, colleague, client_of) -> None:
    client = client_of(colleague)
    client.get(at(ready_case))
    assert client.post(at(ready_case, "leave/"), {"held": held}).status_code == 400
    assert Claim.objects.exists()


def test_sign_out_frees_every_place(two, colleague, second, client_of) -> None:
    for case in two:
        claim_of(colleague, case)
    client_of(colleague).post("/accounts/sign-out/")
    assert not Claim.objects.exists()
    assert next_case(second) == two[0]


def test_somebody_elses_place_is_not_freed(ready_case, colleague, second, client_of) -> None:
    claim_of(second, ready_case)
    client = client_of(colleague)
    client.post(at(ready_case, "leave/"))
    client.post("/cases/next/", {"after": ready_case.code})
    client.post("/accounts/sign-out/")
    assert Claim.objects.get().reader == second


@pytest.mark.parametrize("who", ["administrator", "second"])
def test_case_that_somebody_reads_opens_with_a_warning_and_no_form(
    who, ready_case, colleague, request, client_of
) -> None:
    claim_of(colleague, ready_case)
    page = client_of(request.getfixturevalue(who)).get(at(ready_case)).content.decode()
    assert "Somebody else is reading this case" in page
    assert 'id="review-form"' not in page
    assert f'action="{at(ready_case, "take-over/")}"' in page
    assert Claim.objects.get().reader == colleague


@pytest.mark.parametrize("who", ["administrator", "second"])
def test_place_is_taken_over_on_purpose_and_its_holder_keeps_the_words(
    who, ready_case, colleague, request, client_of
) -> None:
    someone = request.getfixturevalue(who)
    mine, theirs = client_of(someone), client_of(colleague)
    theirs.get(at(ready_case))
    page = mine.post(at(ready_case, "take-over/"), follow=True).content.decode()
    assert 'id="review-form"' in page
    assert "data-hold-url" in page
    assert Claim.objects.get().reader == someone
    event = AuditEvent.objects.get(action="case.taken_over")
    assert (event.actor, event.details) == (someone, {"reader": str(colleague.pk)})
    assert theirs.post(at(ready_case, "hold/")).status_code == 409
    answer = theirs.post(at(ready_case), said_of(ready_case))
    assert answer.status_code == 409
    form = answer.context["form"]
    assert (form["comment"].value(), form["corrected_class"].value()) == ("A long thought.", "meningioma")
    assert "Nothing is saved. Somebody else is reading this case." in answer.content.decode()
    assert not Draft.objects.exists()
    again = theirs.post(at(ready_case), said_of(ready_case) | {"take_over": "yes"})
    assert again.status_code == 302
    assert (Draft.objects.get().reader, Claim.objects.get().reader) == (colleague, colleague)


def test_administrator_who_saves_too_late_keeps_what_was_typed(
    ready_case, administrator, colleague, client_of
) -> None:
    client = client_of(administrator)
    assert 'id="review-form"' in client.get(at(ready_case)).content.decode()
    claim_of(colleague, ready_case)
    answer = client.post(at(ready_case), said_of(ready_case))
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "A long thought." in page
    assert "Take over and save" in page
    assert not Draft.objects.exists()


def test_blinded_read_that_comes_too_late_keeps_its_words_and_shows_nothing(
    blinded, ready_case, colleague, second, client_of, commit_as
) -> None:
    client = client_of(colleague)
    client.get(at(ready_case))
    Claim.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    commit_as(second, ready_case)
    answer = client.post(at(ready_case), READ)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "A long thought." in page
    assert "This case needs no further reader." in page
    assert "Take over" not in page
    assert "70.0" not in page
    assert FirstRead.objects.get().reader == second


def test_case_that_is_read_is_taken_over_by_nobody(
    blinded, ready_case, colleague, second, commit_as, client_of
) -> None:
    claim_of(colleague, ready_case)
    commit_as(colleague, ready_case)
    with pytest.raises(SlotTaken):
        take_over(reader=require_reader(second, fresh(ready_case)))
    page = client_of(second).post(at(ready_case, "take-over/"), follow=True).content.decode()
    assert "This case needs no further reader" in page
    assert Claim.objects.get().reader == colleague


def test_of_two_places_the_one_that_runs_out_first_is_taken_over(
    ready_case, under_protocol, colleague, second, referee
) -> None:
    under_protocol(readers_required=2)
    for reader in (colleague, second):
        claim_of(reader, ready_case)
    take_over(reader=require_reader(referee, fresh(ready_case)))
    assert {claim.reader for claim in Claim.objects.all()} == {second, referee}
