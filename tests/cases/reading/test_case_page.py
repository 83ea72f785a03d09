"""The page of a case: what it shows to whom, agreeing and disagreeing, amending, two windows at once."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.utils import timezone

from cases import storage
from cases.lifecycle import JobStatus
from cases.models import AuditEvent, Case, Draft, Job, Prediction, Review
from tests.cast import UNKNOWN_ID


def page_of(client, case, **query) -> str:
    response = client.get(f"/cases/{case.code}/", query)
    assert response.status_code == 200
    return response.content.decode()


def says(**changes) -> dict[str, str]:
    """A form that disagrees with the network's glioma."""
    given = {
        "prediction": str(Prediction.objects.latest("created_at").pk),
        "verdict": "disagree",
        "corrected_class": "meningioma",
        "confidence": "4",
        "comment": "Broad dural base.",
    }
    return given | changes


def test_page_shows_class_probabilities_and_version(ready_case, colleague, client_of) -> None:
    response = client_of(colleague).get(f"/cases/{ready_case.code}/")
    bars = [(bar.code, bar.percent, bar.is_predicted) for bar in response.context["bars"]]
    assert bars == [
        ("glioma", "70.0", True),
        ("meningioma", "10.0", False),
        ("notumor", "10.0", False),
        ("pituitary", "10.0", False),
    ]
    page = response.content.decode()
    assert "test-cnn-1" in page
    assert "left and right are not assured" in page
    assert response["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"


def test_percents_of_the_page_add_up(submitted_case, analyse_as, colleague, client_of) -> None:
    analyse_as(submitted_case, probability=0.98183)
    bars = client_of(colleague).get(f"/cases/{submitted_case.code}/").context["bars"]
    assert [(bar.percent, bar.value) for bar in bars] == [("98.2", "98.2")] + [("0.6", "0.6")] * 3


def test_form_offers_every_class_but_the_predicted_one(ready_case, colleague, client_of) -> None:
    form = client_of(colleague).get(f"/cases/{ready_case.code}/").context["form"]
    assert [code for code, _ in form.fields["corrected_class"].choices] == [
        "meningioma",
        "notumor",
        "pituitary",
        "other",
        "unreadable",
    ]


def test_disagreement_is_stored_and_shown_with_the_way_on(
    ready_case, submit, analyse_as, colleague, client_of
) -> None:
    other = submit(seed=1)
    analyse_as(other)
    client = client_of(colleague)
    response = client.post(f"/cases/{ready_case.code}/", says(prediction=str(prediction_of(ready_case).pk)))
    assert (response.status_code, response["Location"]) == (302, f"/cases/{ready_case.code}/")
    assert not Review.objects.exists()
    page = page_of(client, ready_case)
    assert "Saved. You can undo it until you go on to another case." in page
    assert 'data-state="preliminary"' in page
    assert "Your review</h2>" in page
    assert f'name="after" value="{ready_case.code}"' in page
    assert 'id="review-form"' not in page
    assert client.post("/cases/next/", {"after": ready_case.code})["Location"] == f"/cases/{other.code}/"
    review = Review.objects.get()
    assert (review.verdict, review.final_class, review.confidence) == ("disagree", "meningioma", 4)
    assert (review.comment, review.reader, review.amends) == ("Broad dural base.", colleague, None)
    ready_case.refresh_from_db()
    assert ready_case.state == "reviewed"
    assert 'data-state="final"' in page_of(client, ready_case)


def prediction_of(case) -> Prediction:
    return Prediction.objects.get(image__case=case)


def test_agreement_takes_the_networks_class(ready_case, colleague, client_of) -> None:
    client = client_of(colleague)
    client.post(f"/cases/{ready_case.code}/", says(verdict="agree", corrected_class="", comment=""))
    assert client.post(f"/cases/{ready_case.code}/finish/").status_code == 302
    assert Review.objects.get().final_class == "glioma"
    assert "That was the last case that waited for you." in page_of(client, ready_case)


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"verdict": ""}, "verdict", "Say whether you agree."),
        ({"confidence": ""}, "confidence", "Say how sure you are."),
        ({"corrected_class": ""}, "corrected_class", "Say which class you see instead."),
        ({"verdict": "agree"}, "corrected_class", "Choose “Disagree” to give another class."),
        ({"comment": "x" * 4001}, "comment", "4000"),
        ({"confidence": "6"}, "confidence", "6"),
        ({"corrected_class": "glioma"}, "corrected_class", "glioma"),
        ({"verdict": "maybe"}, "verdict", "maybe"),
    ],
)
def test_incomplete_review_says_so_at_the_field_and_keeps_the_rest(
    changes, field, sentence, ready_case, colleague, client_of
) -> None:
    given = says(**changes)
    response = client_of(colleague).post(f"/cases/{ready_case.code}/", given)
    assert response.status_code == 422
    form = response.context["form"]
    assert set(form.errors) == {field}
    assert sentence in str(form.errors[field])
    assert given["comment"] in response.content.decode()
    assert (Review.objects.count(), AuditEvent.objects.filter(action="review.submitted").count()) == (0, 0)


@pytest.mark.parametrize("prediction", ["", "nonsense", UNKNOWN_ID])
def test_review_of_an_unknown_result_is_refused(prediction, ready_case, colleague, client_of) -> None:
    response = client_of(colleague).post(f"/cases/{ready_case.code}/", says(prediction=prediction))
    assert response.status_code == 422
    assert "The result on this page is not the case" in response.content.decode()
    assert Review.objects.count() == 0


def test_review_of_another_cases_result_is_refused(
    ready_case, submit, analyse_as, colleague, client_of
) -> None:
    other = submit(seed=1)
    analyse_as(other)
    foreign = str(prediction_of(other).pk)
    response = client_of(colleague).post(f"/cases/{ready_case.code}/", says(prediction=foreign))
    assert response.status_code == 422
    assert Review.objects.count() == 0


def test_review_before_there_is_a_result_is_sent_back(submitted_case, colleague, client_of) -> None:
    response = client_of(colleague).post(f"/cases/{submitted_case.code}/", {"verdict": "agree"})
    assert response.status_code == 302
    assert [str(message) for message in get_messages(response.wsgi_request)] == [
        "This case has no result yet that could be reviewed."
    ]


def test_second_window_gets_the_newer_review_and_keeps_what_was_typed(
    ready_case, colleague, client_of
) -> None:
    client = client_of(colleague)
    first = says(verdict="agree", corrected_class="", comment="First window.")
    assert client.post(f"/cases/{ready_case.code}/", first).status_code == 302
    client.post(f"/cases/{ready_case.code}/finish/")
    response = client.post(f"/cases/{ready_case.code}/", says(comment="Second window."))
    assert response.status_code == 409
    stored = Review.objects.get()
    assert stored.comment == "First window."
    page = response.content.decode()
    assert "You have reviewed this case in another window" in page
    assert "First window." in page
    assert "Second window." in page
    form = response.context["form"]
    assert form["amends"].value() == str(stored.pk)
    assert form["corrected_class"].value() == "meningioma"
    # What was kept can be sent as it is, with a reason.
    kept = {name: form[name].value() or "" for name in form.fields} | {"reason": "It was the better one."}
    assert client.post(f"/cases/{ready_case.code}/amend/", kept).status_code == 302
    assert stored.amended_by.comment == "Second window."


def test_second_window_before_the_review_is_final_is_told_and_its_words_are_shown(
    ready_case, colleague, client_of
) -> None:
    client = client_of(colleague)
    client.post(f"/cases/{ready_case.code}/", says(comment="First window."))
    response = client.post(f"/cases/{ready_case.code}/", says(comment="Second window."))
    assert response.status_code == 409
    page = response.content.decode()
    assert "You have gone on with this case in another window" in page
    assert "First window." in page
    assert "Second window." in page
    assert Draft.objects.get().fields["comment"] == "First window."


def test_amendment_is_a_new_row_and_the_old_one_stays_in_sight(reviewed_case, colleague, client_of) -> None:
    client = client_of(colleague)
    old = Review.objects.get()
    form = client.get(f"/cases/{reviewed_case.code}/amend/").context["form"]
    assert (form["verdict"].value(), form["corrected_class"].value()) == ("disagree", "meningioma")
    given = says(verdict="agree", corrected_class="", amends=str(old.pk), reason="Seen with contrast.")
    response = client.post(f"/cases/{reviewed_case.code}/amend/", given)
    assert (response.status_code, response["Location"]) == (302, f"/cases/{reviewed_case.code}/")
    new = Review.objects.exclude(pk=old.pk).get()
    assert (new.amends, new.reason, new.final_class) == (old, "Seen with contrast.", "glioma")
    page = page_of(client, reviewed_case)
    assert "Your amended review is saved." in page
    assert "Amended since" in page
    assert "Seen with contrast." in page


def test_amendment_without_a_reason_is_refused(reviewed_case, colleague, client_of) -> None:
    given = says(amends=str(Review.objects.get().pk), reason=" ", comment="Kept.")
    response = client_of(colleague).post(f"/cases/{reviewed_case.code}/amend/", given)
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {"reason"}
    assert "Kept." in response.content.decode()
    assert Review.objects.count() == 1


def test_amendment_of_an_amended_review_is_a_conflict(reviewed_case, colleague, client_of) -> None:
    client = client_of(colleague)
    given = says(amends=str(Review.objects.get().pk), reason="First window.")
    assert client.post(f"/cases/{reviewed_case.code}/amend/", given).status_code == 302
    response = client.post(f"/cases/{reviewed_case.code}/amend/", given | {"reason": "Second window."})
    assert response.status_code == 409
    assert response.context["form"]["reason"].value() == "Second window."
    assert Review.objects.count() == 2


@pytest.mark.parametrize("amends", ["", "nonsense", UNKNOWN_ID])
def test_amendment_of_an_unknown_review_is_not_found(amends, reviewed_case, colleague, client_of) -> None:
    response = client_of(colleague).post(
        f"/cases/{reviewed_case.code}/amend/", says(amends=amends, reason="x")
    )
    assert response.status_code == 404
    assert Review.objects.count() == 1


def test_amendment_of_somebody_elses_review_is_not_possible(
    reviewed_case, administrator, review_as, client_of
) -> None:
    theirs = Review.objects.get()
    review_as(administrator, reviewed_case)
    given = says(amends=str(theirs.pk), reason="x")
    response = client_of(administrator).post(f"/cases/{reviewed_case.code}/amend/", given)
    assert response.status_code == 404
    assert Review.objects.count() == 2


def test_amend_without_an_own_review_leads_to_the_case(ready_case, colleague, client_of) -> None:
    response = client_of(colleague).get(f"/cases/{ready_case.code}/amend/")
    assert (response.status_code, response["Location"]) == (302, f"/cases/{ready_case.code}/")


def test_others_reviews_are_listed_with_their_reader_once_the_case_is_over(
    ready_case, under_protocol, colleague, second, administrator, review_as, client_of
) -> None:
    under_protocol(readers_required=2)
    review_as(colleague, ready_case, corrected="meningioma")
    before = page_of(client_of(administrator), ready_case)
    assert "Reviews of this case" not in before
    assert 'id="review-form"' in before
    review_as(second, ready_case)
    page = page_of(client_of(administrator), ready_case)
    assert "Reviews of this case" in page
    assert "Colleague" in page


def test_comment_is_shown_escaped(ready_case, colleague, client_of) -> None:
    client = client_of(colleague)
    client.post(f"/cases/{ready_case.code}/", says(comment="<script>alert(1)</script>"))
    page = page_of(client, ready_case)
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


def test_known_class_is_shown_only_after_the_own_review(submit, analyse_as, colleague, client_of) -> None:
    case = submit(ground_truth="pituitary")
    analyse_as(case)
    client = client_of(colleague)
    before = client.get(f"/cases/{case.code}/")
    assert before.context["truth"] is None
    assert "Known class" not in before.content.decode()
    client.post(f"/cases/{case.code}/", says())
    assert client.get(f"/cases/{case.code}/").context["truth"] is None
    client.post(f"/cases/{case.code}/finish/")
    after = client.get(f"/cases/{case.code}/")
    assert after.context["truth"] == {"code": "pituitary", "label": "Pituitary tumour"}
    assert "Known class of this case:" in after.content.decode()


def test_simulated_case_is_marked_at_its_pictures(submit, analyse_as, colleague, client_of) -> None:
    case = submit(is_simulated=True)
    analyse_as(case)
    page = page_of(client_of(colleague), case)
    assert page.count('class="pane__mark"') == 2
    assert page.count('data-state="simulated"') == 1


# --- While there is no result ------------------------------------------------------


def test_queued_case_says_so_and_asks_again(submitted_case, colleague, client_of) -> None:
    page = page_of(client_of(colleague), submitted_case)
    assert f'hx-get="/cases/{submitted_case.code}/status/"' in page
    assert "The image waits for its turn." in page
    assert "No worker" not in page
    assert 'id="review-form"' not in page


def test_reader_of_a_queued_case_is_offered_the_next_one(
    submitted_case, submit, analyse_as, colleague, owner, client_of
) -> None:
    way_on = f'name="after" value="{submitted_case.code}"'
    assert way_on not in page_of(client_of(colleague), submitted_case)
    analyse_as(submit(seed=1))
    assert way_on in page_of(client_of(colleague), submitted_case)
    assert way_on not in page_of(client_of(owner), submitted_case)


def test_only_review_is_not_listed_a_second_time(reviewed_case, colleague, administrator, client_of) -> None:
    assert "Reviews of this case" not in page_of(client_of(colleague), reviewed_case)
    assert "Reviews of this case" in page_of(client_of(administrator), reviewed_case)


def test_case_that_waits_long_says_that_it_is_not_lost(submitted_case, colleague, client_of) -> None:
    Job.objects.update(queued_at=timezone.now() - timedelta(minutes=5))
    page = page_of(client_of(colleague), submitted_case)
    assert "No worker has taken this image up yet. It is not lost" in page


def test_running_case_says_so(submitted_case, colleague, client_of) -> None:
    Job.objects.update(status=JobStatus.RUNNING, token=uuid.uuid4(), lease_until=timezone.now())
    assert "The network looks at the image now" in page_of(client_of(colleague), submitted_case)


@pytest.mark.parametrize("person", ["owner", "colleague"])
def test_failed_case_says_why_and_offers_another_try(person, submitted_case, request, client_of) -> None:
    Job.objects.update(status=JobStatus.FAILED, error_message="It took too long.")
    page = page_of(client_of(request.getfixturevalue(person)), submitted_case)
    assert "It took too long." in page
    assert f'action="/cases/{submitted_case.code}/retry/"' in page
    assert "hx-trigger" not in page


def test_cancelled_case_offers_another_try(submitted_case, colleague, client_of) -> None:
    Job.objects.update(status=JobStatus.CANCELLED)
    page = page_of(client_of(colleague), submitted_case)
    assert "taken out of the queue" in page
    assert f'action="/cases/{submitted_case.code}/retry/"' in page


def test_case_without_an_analysis_says_so(submitted_case, colleague, client_of) -> None:
    Job.objects.all().delete()
    client = client_of(colleague)
    assert "never queued" in page_of(client, submitted_case)
    assert client.get(f"/cases/{submitted_case.code}/status/").status_code == 404


def test_case_without_a_picture_is_not_found(owner, cohort, colleague, client_of) -> None:
    case = Case.objects.create(cohort=cohort, created_by=owner)
    assert client_of(colleague).get(f"/cases/{case.code}/").status_code == 404


def test_status_reloads_the_page_once_the_result_is_there(
    submitted_case, analyse_as, colleague, client_of
) -> None:
    client, address = client_of(colleague), f"/cases/{submitted_case.code}/status/"
    waiting = client.get(address, headers={"HX-Request": "true"})
    assert waiting.status_code == 200
    assert 'hx-trigger="every 2s"' in waiting.content.decode()
    assert "HX-Refresh" not in waiting
    analyse_as(submitted_case)
    assert client.get(address, headers={"HX-Request": "true"})["HX-Refresh"] == "true"


# --- The viewer --------------------------------------------------------------------


def test_viewer_begins_with_the_deepest_layer_and_the_predicted_class(
    ready_case, colleague, client_of
) -> None:
    response = client_of(colleague).get(f"/cases/{ready_case.code}/")
    viewer = response.context["viewer"]
    prediction = Prediction.objects.get()
    stem = f"/cases/{ready_case.code}"
    assert viewer.base == f"{stem}/base.png?image=0&channel=grey"
    assert (
        viewer.heat.map
        == f"{stem}/maps/{prediction.pk}/conv_3/glioma.png?colours=inferno&interpolation=linear"
    )
    assert viewer.heat.overlay == (
        f"{stem}/overlay/{prediction.pk}/conv_3/glioma.png?colours=inferno&opacity=50&interpolation=linear"
    )
    assert (viewer.heat.opacity, viewer.heat.grid, viewer.heat.has_evidence) == ("0.5", "8 \u00d7 8", True)
    page = response.content.decode()
    assert "channel" not in viewer.form.fields
    assert "where the network looked, not where a tumour ends" in page
    assert page.count('aria-label="The uploaded picture') == 2


def test_viewer_shows_what_the_query_chooses(ready_case, colleague, client_of) -> None:
    query = {"layer": "conv_1", "shown": "meningioma", "colours": "viridis", "opacity": "35"}
    viewer = client_of(colleague).get(f"/cases/{ready_case.code}/", query).context["viewer"]
    assert viewer.heat.map.endswith("/conv_1/meningioma.png?colours=viridis&interpolation=linear")
    assert viewer.heat.overlay.endswith(
        "/conv_1/meningioma.png?colours=viridis&opacity=35&interpolation=linear"
    )
    assert (viewer.heat.opacity, viewer.heat.grid) == ("0.35", "32 \u00d7 32")


def test_viewer_falls_back_where_the_query_makes_no_sense(ready_case, colleague, client_of) -> None:
    query = {"layer": "../x", "shown": "<b>", "colours": "pink", "opacity": "900", "channel": "x"}
    viewer = client_of(colleague).get(f"/cases/{ready_case.code}/", query).context["viewer"]
    assert viewer.heat.map.endswith("/conv_3/glioma.png?colours=inferno&interpolation=linear")
    assert viewer.heat.opacity == "0.5"


def test_class_without_evidence_is_said_to_have_none(ready_case, colleague, client_of) -> None:
    viewer = client_of(colleague).get(f"/cases/{ready_case.code}/", {"shown": "pituitary"}).context["viewer"]
    assert viewer.heat.has_evidence is False
    assert viewer.data["evidence"]["conv_2"] == {
        "glioma": True,
        "meningioma": True,
        "notumor": True,
        "pituitary": False,
    }


def test_damaged_maps_are_named_and_the_review_goes_on(ready_case, colleague, client_of) -> None:
    prediction = Prediction.objects.get()
    kept = storage.load(prediction.maps_file)
    storage.discard(prediction.maps_file)
    try:
        page = page_of(client_of(colleague), ready_case)
    finally:
        storage.store("maps", kept, ".npz")
    assert "The heat maps of this result cannot be read just now." in page
    assert "70.0" in page
    assert 'id="review-form"' in page
