"""What the pages make of the input gate, of trained-on images, and of several versions."""

import pytest

from cases.analysis.reanalysis import reanalyse
from cases.models import Review

REFUSED = {"gate_verdict": "refused", "gate_distance": 9.5}
UNCERTAIN = {"gate_verdict": "uncertain", "gate_distance": 2.5}
NO_CLASS = "Not like the images this network was trained on. No class is shown."
TRAINED_ON = "training data: its result says nothing about other patients."


@pytest.fixture
def refused_case(submitted_case, analyse_as):
    analyse_as(submitted_case, **REFUSED)
    return submitted_case


def page_of(client, case, **query) -> str:
    return client.get(f"/cases/{case.code}/", query).content.decode()


def says(case, **changes) -> dict[str, str]:
    prediction = case.images.get().predictions.get()
    return {"prediction": str(prediction.pk), "confidence": "3", "comment": ""} | changes


def test_refused_image_shows_neither_class_nor_numbers_nor_maps(refused_case, colleague, client_of) -> None:
    response = client_of(colleague).get(f"/cases/{refused_case.code}/")
    page = response.content.decode()
    assert NO_CLASS in page
    assert 'href="?numbers=shown"' in page
    assert "70.0" not in page
    assert 'class="bars"' not in page
    assert response.context["viewer"].heat is None
    assert "cannot be read" not in page
    assert "Do you agree with the network?" not in page


def test_numbers_of_a_refused_image_are_shown_when_asked_for(refused_case, colleague, client_of) -> None:
    response = client_of(colleague).get(f"/cases/{refused_case.code}/", {"numbers": "shown"})
    page = response.content.decode()
    assert "The numbers below are no finding." in page
    assert "70.0" in page
    assert response.context["viewer"].heat is not None
    assert "Do you agree with the network?" in page
    # Both forms of the page carry the choice on.
    assert page.count('<input type="hidden" name="numbers" value="shown">') == 2


@pytest.mark.parametrize(("seen", "verdict"), [("glioma", "agree"), ("notumor", "disagree")])
def test_refused_image_is_read_without_the_networks_class(
    seen, verdict, refused_case, colleague, client_of
) -> None:
    client = client_of(colleague)
    form = client.get(f"/cases/{refused_case.code}/").context["form"]
    assert [code for code, _ in form.fields["corrected_class"].choices if code] == [
        "glioma",
        "meningioma",
        "notumor",
        "pituitary",
        "other",
        "unreadable",
    ]
    response = client.post(f"/cases/{refused_case.code}/", says(refused_case, corrected_class=seen))
    assert response.status_code == 302
    client.post(f"/cases/{refused_case.code}/finish/")
    review = Review.objects.get()
    assert (review.verdict, review.final_class) == (verdict, seen)
    page = page_of(client, refused_case)
    assert f'data-state="{verdict}"' not in page
    amending = client.get(f"/cases/{refused_case.code}/amend/").context["form"]
    assert amending["corrected_class"].value() == seen


def test_refused_image_read_without_a_class_is_refused_with_a_sentence(
    refused_case, colleague, client_of
) -> None:
    response = client_of(colleague).post(f"/cases/{refused_case.code}/", says(refused_case))
    assert response.status_code == 422
    assert "Say which class you see." in response.content.decode()
    assert Review.objects.count() == 0


def test_uncertain_class_is_marked_in_words(submitted_case, analyse_as, colleague, client_of) -> None:
    analyse_as(submitted_case, **UNCERTAIN)
    page = page_of(client_of(colleague), submitted_case)
    assert "Uncertain: do not rely on this class" in page
    assert "70.0" in page


@pytest.mark.parametrize(("in_training", "expected"), [(True, True), (False, False), (None, False)])
def test_image_that_was_trained_on_is_said_to_be(
    in_training, expected, submitted_case, analyse_as, colleague, client_of
) -> None:
    analyse_as(submitted_case, in_training=in_training)
    assert (TRAINED_ON in page_of(client_of(colleague), submitted_case)) is expected


def test_worklist_marks_verdicts_and_is_narrowed_by_them(
    submit, analyse_as, colleague, owner, client_of
) -> None:
    plain, refused, uncertain = (submit(seed=seed) for seed in range(3))
    analyse_as(plain)
    analyse_as(refused, **REFUSED)
    analyse_as(uncertain, **UNCERTAIN)
    client = client_of(colleague)
    page = client.get("/cases/").content.decode()
    assert page.count('data-state="gate-refused"') == 1
    assert page.count('data-state="gate-uncertain"') == 1
    assert page.count('data-class="glioma"') == 2

    def codes(who=client, **query):
        return {row.case.code for row in who.get("/cases/", query).context["rows"]}

    assert codes(gate="refused") == {refused.code}
    assert codes(gate="uncertain") == {uncertain.code}
    assert codes(found="glioma") == {plain.code, uncertain.code}
    # Who may not read results cannot ask for them.
    assert len(codes(client_of(owner), gate="refused")) == 3


def test_other_versions_stand_below_with_their_reviews(
    reviewed_case, newer_version, cohort, analyse_as, colleague, client_of
) -> None:
    client = client_of(colleague)
    assert "Results of other versions" not in page_of(client, reviewed_case)
    reanalyse(by=None, cohort=cohort)
    waiting = page_of(client, reviewed_case)
    assert "analyses this image too" in waiting
    assert "every 2s" not in waiting
    analyse_as(reviewed_case, predicted="pituitary", **UNCERTAIN)
    response = client.get(f"/cases/{reviewed_case.code}/")
    assert response.context["prediction"].model_version.name == "test-cnn-1"
    (other,) = response.context["others"]
    assert (other.prediction.model_version, other.prediction.predicted_class) == (newer_version, "pituitary")
    assert other.reviews == []
    page = response.content.decode()
    assert "Results of other versions" in page
    assert "No review is about this result." in page


def test_class_of_another_version_does_not_stand_in_for_a_withheld_one(
    ready_case, newer_version, cohort, analyse_as, colleague, client_of
) -> None:
    """The older network said glioma; the newer one, which now stands for the case, refuses the image."""
    reanalyse(by=None, cohort=cohort)
    analyse_as(ready_case, predicted="pituitary", **REFUSED)
    client = client_of(colleague)
    response = client.get(f"/cases/{ready_case.code}/")
    (other,) = response.context["others"]
    assert (other.prediction.predicted_class, other.is_withheld) == ("glioma", True)
    below = response.content.decode().split("Results of other versions")[1]
    assert "Not shown while the result above is withheld." in below
    assert 'data-class="glioma"' not in below
    shown = client.get(f"/cases/{ready_case.code}/", {"numbers": "shown"}).content.decode()
    assert 'data-class="glioma"' in shown.split("Results of other versions")[1]


def test_refused_result_of_another_version_shows_no_class(
    reviewed_case, newer_version, cohort, analyse_as, colleague, client_of
) -> None:
    reanalyse(by=None, cohort=cohort)
    analyse_as(reviewed_case, predicted="pituitary", **REFUSED)
    page = page_of(client_of(colleague), reviewed_case)
    assert NO_CLASS in page
    assert 'data-class="pituitary"' not in page.split("Results of other versions")[1]
