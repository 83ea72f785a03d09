"""The adjudicator's page: the readers side by side, nothing of the network before the decision."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from cases.lifecycle import Verdict
from cases.models import Adjudication, AuditEvent, Case, Draft, Prediction
from cases.reading import drafts
from cases.reading.read_input import ReadInput
from cases.reading.reviews import amend_review

pytestmark = pytest.mark.both_databases

DECISION = {"read_class": "meningioma", "confidence": "5", "comment": "A tail on the later slice."}


def address(case) -> str:
    return f"/cases/{case.code}/adjudicate/"


@pytest.fixture
def disputed(ready_case, under_protocol, colleague, second, referee, commit_as, review_as) -> Case:
    """Blinded; both readers saw different things, and one was changed by the network's glioma."""
    under_protocol(reading="blinded", readers_required=2, adjudicator=referee)
    for reader, seen in ((colleague, "pituitary"), (second, "meningioma")):
        commit_as(reader, ready_case, seen, comment=f"{seen} at first")
    review_as(colleague, ready_case)
    review_as(second, ready_case, corrected="meningioma")
    return Case.objects.get()


def test_adjudicator_sees_both_readers_and_nothing_of_the_network(disputed, referee, client_of) -> None:
    client = client_of(referee)
    assert "Adjudicate 1 case" in client.get("/cases/").content.decode()
    assert client.get("/cases/next-disputed/")["Location"] == address(disputed)
    response = client.get(address(disputed))
    page = response.content.decode()
    assert {side.letter for side in response.context["sides"]} == {"A", "B"}
    assert {side.label for side in response.context["sides"]} == {"Glioma", "Meningioma"}
    assert "pituitary at first" in page
    withheld = ["Colleague", ">Second<", str(Prediction.objects.get().pk), "70.0", "/maps/", "test-cnn-1"]
    withheld += ['data-state="agree"', 'data-state="disagree"', '"heat": {']
    assert [value for value in withheld if value in page] == []


def test_submitted_decision_is_preliminary_shows_nothing_more_and_is_undone(
    disputed, referee, client_of
) -> None:
    client = client_of(referee)
    response = client.post(address(disputed), DECISION)
    assert (response.status_code, response["Location"]) == (302, address(disputed))
    assert not Adjudication.objects.exists()
    page = client.get(address(disputed)).content.decode()
    assert "Preliminary" in page
    assert "A tail on the later slice." in page
    assert 'id="review-form"' not in page
    withheld = [str(Prediction.objects.get().pk), "70.0", "/maps/", "test-cnn-1", '"heat": {']
    for shown in (page, client.get(f"/cases/{disputed.code}/").content.decode()):
        assert [value for value in withheld if value in shown] == []
    assert "Adjudicate 1 case" not in client.get("/cases/").content.decode()
    again = client.post(address(disputed), DECISION | {"read_class": "glioma"}, follow=True)
    assert "You have decided this case in another window." in again.content.decode()
    undone = client.post(f"/cases/{disputed.code}/undo/", follow=True)
    assert undone.redirect_chain == [(address(disputed), 302)]
    form = undone.context["form"]
    assert (form["read_class"].value(), form["comment"].value()) == ("meningioma", DECISION["comment"])
    assert [event.action for event in AuditEvent.objects.filter(actor=referee).order_by("at")] == [
        "adjudication.preliminary",
        "adjudication.undone",
    ]
    assert Case.objects.get().state == "disputed"


@pytest.mark.parametrize("way", ["next-disputed", "next", "finish"])
def test_decision_is_final_once_the_adjudicator_goes_on(way, disputed, referee, client_of) -> None:
    client = client_of(referee)
    client.post(address(disputed), DECISION)
    client.get("/cases/next-disputed/")
    assert not Adjudication.objects.exists()
    client.post(f"/cases/{disputed.code}/finish/" if way == "finish" else f"/cases/{way}/")
    assert Adjudication.objects.get().final_class == "meningioma"
    assert not Draft.objects.exists()
    page = client.post(f"/cases/{disputed.code}/undo/", follow=True).content.decode()
    assert "This decision is final already." in page


def test_decision_left_behind_becomes_final_by_itself(disputed, referee, client_of, settings) -> None:
    client_of(referee).post(address(disputed), DECISION)
    assert drafts.finalise_left_behind() == 0
    Draft.objects.update(updated_at=timezone.now() - timedelta(minutes=settings.PRELIMINARY_MINUTES + 1))
    assert (drafts.finalise_left_behind(), drafts.finalise_left_behind()) == (1, 0)
    assert (Adjudication.objects.get().adjudicator, Case.objects.get().state) == (referee, "reviewed")


def test_decision_of_a_case_that_was_closed_stays_a_draft(disputed, referee, client_of) -> None:
    client_of(referee).post(address(disputed), DECISION)
    Case.objects.update(state="closed")
    drafts.finalise_of(by=referee)
    assert not Adjudication.objects.exists()
    assert Draft.objects.get().state == "draft"


def test_later_remarks_stand_apart_from_what_the_sides_said(
    disputed, referee, colleague, second, client_of
) -> None:
    review = second.reviews.get()
    said = ReadInput("", 2, "after all", verdict=Verdict.AGREE)
    amend_review(by=second, review=review, read=said, reason="slept on it")
    response = client_of(referee).get(address(disputed))
    page = response.content.decode()
    letter = {side.review.reader_id: side.letter for side in response.context["sides"]}[second.pk]
    (remark,) = response.context["remarks"]
    assert (remark.letter, remark.label, remark.review.is_remark) == (letter, "Glioma", True)
    assert {side.label for side in response.context["sides"]} == {"Glioma", "Meningioma"}
    assert page.index("Later remarks") > page.index('id="side-B"')
    assert "slept on it" in page
    assert 'data-state="agree"' not in page


def test_decision_stands_and_reveals_the_rest(disputed, referee, colleague, client_of) -> None:
    client = client_of(referee)
    client.post(address(disputed), DECISION)
    client.post(f"/cases/{disputed.code}/finish/")
    decision = Adjudication.objects.get()
    assert (decision.final_class, decision.adjudicator) == ("meningioma", referee)
    page = client.get(f"/cases/{disputed.code}/").content.decode()
    assert "Adjudicated" in page
    assert "Colleague" in page
    assert "70.0" in page
    assert (
        "A tail on the later slice." in client_of(colleague).get(f"/cases/{disputed.code}/").content.decode()
    )
    late = {"read_class": "glioma", "comment": "Seen <too> late."}
    again = client.post(address(disputed), DECISION | late, follow=True).content.decode()
    assert "This case waits for no adjudication." in again
    # Also where no script has kept it.
    assert "What you had written, to copy: Seen &lt;too&gt; late." in again
    assert Adjudication.objects.get().final_class == "meningioma"
    assert (
        "No case waits for your adjudication."
        in client.get("/cases/next-disputed/", follow=True).content.decode()
    )


def test_incomplete_decision_says_so_at_the_field(disputed, referee, client_of) -> None:
    response = client_of(referee).post(address(disputed), DECISION | {"read_class": "other"})
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {"other_finding"}
    assert not Adjudication.objects.exists()


@pytest.mark.parametrize(
    ("who", "status"), [("colleague", 403), ("second", 403), ("administrator", 403), ("stranger", 404)]
)
def test_nobody_else_adjudicates(who, status, disputed, request, client_of, client) -> None:
    someone = client_of(request.getfixturevalue(who))
    assert someone.get(address(disputed)).status_code == status
    assert someone.post(address(disputed), DECISION).status_code == status
    assert client.post(address(disputed), DECISION).status_code == 302
    assert someone.put(address(disputed)).status_code == 405
    assert someone.get("/cases/0000-0000/adjudicate/").status_code == 404
    assert not Adjudication.objects.exists()


def test_adjudicator_is_offered_no_case_to_read(ready_case, under_protocol, referee, client_of) -> None:
    under_protocol(readers_required=2, adjudicator=referee)
    client = client_of(referee)
    assert client.get("/cases/next/")["Location"] == "/cases/"
    assert (
        client.post(f"/cases/{ready_case.code}/", {"verdict": "agree", "confidence": "4"}).status_code == 403
    )
