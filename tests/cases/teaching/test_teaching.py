"""Teaching mode: nothing of network and truth before the answer, a running score after it."""

from __future__ import annotations

import uuid

import pytest
from django.core.exceptions import ValidationError

from cases.export.selection import ReviewFilter, current_reviews
from cases.models import AuditEvent, Disclosure, Prediction, TeachingRead
from cases.teaching.answers import start_afresh
from tests.cases.worklist.support import awaiting_review

pytestmark = pytest.mark.both_databases

ANSWER = {"read_class": "pituitary", "confidence": "3"}


@pytest.fixture
def drawn(submit, analyse_as, under_protocol):
    """A pituitary tumour that the network calls a glioma."""
    under_protocol(reading="teaching")
    case = submit(ground_truth="pituitary")
    analyse_as(case, "glioma", 0.8317, gate_verdict="accepted", gate_distance=0.5, in_training=True)
    return case


def address(case) -> str:
    return f"/cases/teaching/{case.code}/"


def test_drawn_case_shows_the_picture_and_nothing_else(drawn, cohort, colleague, client_of) -> None:
    client = client_of(colleague)
    assert "Draw a case" in client.get("/cases/teaching/").content.decode()
    assert client.get(f"/cases/teaching/draw/{cohort.pk}/")["Location"] == address(drawn)
    page = client.get(address(drawn)).content.decode()
    assert "base.png" in page
    withheld = [
        "83.2",
        str(Prediction.objects.get().pk),
        "/maps/",
        "test-cnn-1",
        "Known class",
        '"heat": {',
    ]
    assert [value for value in withheld if value in page] == []
    case_page = client.get(f"/cases/{drawn.code}/").content.decode()
    assert [value for value in withheld if value in case_page] == []


def test_answer_reveals_result_and_truth_and_counts(drawn, colleague, exporter, client_of) -> None:
    client = client_of(colleague)
    response = client.post(address(drawn), ANSWER, follow=True)
    page = response.content.decode()
    read = TeachingRead.objects.get()
    assert (read.read_class, read.confidence, read.reader) == ("pituitary", 3, colleague)
    assert "You were right" in page
    assert "83.2" in page
    assert "Known class of this case:" in page
    assert "1 of these draws was in the network" in page
    score = response.context["score"]
    assert (score.n, score.reader, score.network, score.trained_on) == (1, 1, 0, 1)
    client.post(address(drawn), ANSWER | {"read_class": "glioma", "before": "1"})
    score = client.get("/cases/teaching/").context["cohorts"][0]["score"]
    assert (score.n, score.reader, score.network) == (2, 1, 0)
    assert not current_reviews(exporter, ReviewFilter()).exists()


def test_network_is_counted_only_where_its_class_is_shown(
    drawn, submit, analyse_as, colleague, client_of
) -> None:
    refused = submit(seed=1, ground_truth="glioma")
    analyse_as(refused, "glioma", gate_verdict="refused", gate_distance=9.5, in_training=True)
    client = client_of(colleague)
    page = client.post(address(refused), ANSWER, follow=True)
    score = page.context["score"]
    assert (score.n, score.answered, score.network, score.trained_on) == (1, 0, 0, 0)
    assert "No answer yet" in page.content.decode()
    assert "1 draw is not counted for the network" in page.content.decode()
    assert set(Disclosure.objects.values_list("case", "kind")) == {(refused.pk, "truth")}
    page = client.post(address(drawn), ANSWER, follow=True)
    score = page.context["score"]
    assert (score.n, score.reader, score.answered, score.network) == (2, 1, 1, 0)
    assert "0 of 1" in page.content.decode()
    told = Disclosure.objects.filter(user=colleague, case=drawn)
    assert set(told.values_list("kind", flat=True)) == {"network", "truth"}


def test_question_of_a_drawn_case_writes_nothing_down(drawn, colleague, client_of) -> None:
    client_of(colleague).get(address(drawn))
    assert not Disclosure.objects.exists()


def test_unseen_case_is_drawn_before_a_seen_one(
    drawn, submit, analyse_as, cohort, colleague, client_of
) -> None:
    other = submit(seed=1, ground_truth="glioma")
    analyse_as(other)
    client = client_of(colleague)
    client.post(address(drawn), ANSWER)
    draw = f"/cases/teaching/draw/{cohort.pk}/"
    assert {client.get(draw)["Location"] for _ in range(5)} == {address(other)}
    client.post(address(other), ANSWER)
    assert client.get(f"{draw}?after={other.code}")["Location"] == f"{address(drawn)}?before=1"


def test_back_after_the_truth_gives_no_second_answer_until_the_case_is_drawn_again(
    drawn, cohort, colleague, second, client_of
) -> None:
    client = client_of(colleague)
    client.post(address(drawn), ANSWER)
    read = TeachingRead.objects.get()
    revealed = f"{address(drawn)}?read={read.pk}"
    # A page that the browser has kept, and one that it asks for again.
    late = client.post(address(drawn), ANSWER | {"read_class": "glioma"}, follow=True)
    assert late.redirect_chain == [(revealed, 302)]
    assert "that answer is the one that counts" in late.content.decode()
    for query in ("", "?before=0", "?before=x", "?before=-1"):
        assert client.get(address(drawn) + query)["Location"] == revealed
    assert TeachingRead.objects.get() == read
    again = client.get(f"/cases/teaching/draw/{cohort.pk}/", follow=True)
    assert again.redirect_chain == [(f"{address(drawn)}?before=1", 302)]
    assert again.content.decode().count('name="before" value="1"') >= 1
    client.post(address(drawn), ANSWER | {"before": "1"})
    client.post(address(drawn), ANSWER | {"before": "1"})
    assert TeachingRead.objects.count() == 2
    # What one has answered is nothing to another.
    assert client_of(second).get(address(drawn)).status_code == 200


def test_case_without_a_known_class_is_never_drawn(
    submit, analyse_as, under_protocol, cohort, colleague, client_of
):
    under_protocol(reading="teaching")
    case = submit()
    analyse_as(case)
    client = client_of(colleague)
    assert "No other case can be drawn" in client.get(f"/cases/teaching/draw/{cohort.pk}/").content.decode()
    assert client.get(address(case)).status_code == 404


@pytest.mark.parametrize("changes", [{"read_class": ""}, {"read_class": "other"}, {"confidence": "9"}])
def test_incomplete_answer_reveals_nothing(changes, drawn, colleague, client_of) -> None:
    response = client_of(colleague).post(address(drawn), ANSWER | changes)
    assert response.status_code == 422
    assert set(response.context["form"].errors) == set(changes)
    assert "83.2" not in response.content.decode()
    assert not TeachingRead.objects.exists()


def test_teaching_is_no_study_and_its_cases_wait_for_nobody(drawn, colleague, client_of) -> None:
    assert not awaiting_review(colleague).exists()
    assert client_of(colleague).post(f"/cases/{drawn.code}/", {"verdict": "agree"}).status_code == 403


@pytest.mark.parametrize(("who", "status"), [("owner", 404), ("stranger", 404)])
def test_who_does_not_read_here_draws_nothing(who, status, drawn, cohort, request, client_of, client) -> None:
    someone = client_of(request.getfixturevalue(who))
    for where in (
        address(drawn),
        f"/cases/teaching/draw/{cohort.pk}/",
        f"/cases/teaching/draw/{uuid.uuid4()}/",
    ):
        assert someone.get(where).status_code == status
        assert client.get(where).status_code == 302
        assert someone.put(where).status_code == 405
    assert someone.post(address(drawn), ANSWER).status_code == status
    assert not TeachingRead.objects.exists()


def test_answer_of_somebody_else_is_not_shown(drawn, colleague, second, client_of) -> None:
    client_of(colleague).post(address(drawn), ANSWER)
    read = TeachingRead.objects.get()
    assert client_of(second).get(address(drawn), {"read": str(read.pk)}).status_code == 404
    assert client_of(second).get(address(drawn), {"read": "nonsense"}).status_code == 404


def test_score_begins_afresh_for_who_asks_and_for_nobody_else(
    drawn, cohort, colleague, second, client_of
) -> None:
    for reader in (colleague, second):
        client_of(reader).post(address(drawn), ANSWER)
    client = client_of(colleague)
    where = f"/cases/teaching/restart/{cohort.pk}/"
    assert where in client.get("/cases/teaching/").content.decode()
    answer = client.post(where, follow=True)
    assert "1 answer is deleted. The score begins again." in answer.content.decode()
    assert where not in answer.content.decode()
    assert TeachingRead.objects.get().reader == second
    event = AuditEvent.objects.get(action="teaching.restarted")
    assert (event.actor, event.cohort, event.details) == (colleague, cohort, {"answers": 1})
    assert client.get(where).status_code == 405


def test_score_of_a_cohort_of_others_is_not_started_afresh(
    drawn, cohort, colleague, stranger, client_of
) -> None:
    client_of(colleague).post(address(drawn), ANSWER)
    assert client_of(stranger).post(f"/cases/teaching/restart/{cohort.pk}/").status_code == 404
    assert TeachingRead.objects.get().reader == colleague


def test_cohort_that_is_not_for_teaching_has_no_score(cohort, colleague) -> None:
    with pytest.raises(ValidationError, match="not for teaching"):
        start_afresh(by=colleague, cohort=cohort)
