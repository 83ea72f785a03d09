"""The page of a blinded case: nothing of the network before the commit, both reads after it."""

from __future__ import annotations

import json

import pytest

from cases.models import Claim, Draft, FirstRead, Prediction, Review

READ = {"read_class": "meningioma", "confidence": "4", "comment": "Broad dural base."}


def address(case, part: str = "") -> str:
    return f"/cases/{case.code}/{part}"


@pytest.fixture
def blind_case(submit, analyse_as, blinded):
    """The network says glioma, in a way that no other text of the page says."""
    case = submit(ground_truth="pituitary")
    analyse_as(case, "glioma", 0.8317, gate_verdict="uncertain", gate_distance=2.7182, in_training=True)
    return case


def ai_values() -> list[str]:
    prediction = Prediction.objects.get()
    return [
        str(prediction.pk),
        "test-cnn-1",
        "conv_3",
        "83.2",
        "0.8317",
        "2.7182",
        "training data",
        "gate-uncertain",
        '"heat": {',
        "/maps/",
        "/overlay/",
        'class="bars"',
        "Known class",
    ]


def test_page_before_the_commit_has_nothing_of_the_network(blind_case, colleague, client_of) -> None:
    response = client_of(colleague).get(address(blind_case))
    page = response.content.decode()
    assert [value for value in ai_values() if value in page] == []
    assert response.context["prediction"] is None
    form = response.context["first_form"]
    assert [code for code, _ in form.fields["read_class"].choices] == [
        "glioma",
        "meningioma",
        "notumor",
        "pituitary",
        "other",
        "unreadable",
    ]
    assert "Commit and reveal" in page


def test_commit_locks_the_read_and_reveals_the_result(blind_case, colleague, client_of) -> None:
    client = client_of(colleague)
    response = client.post(address(blind_case), READ | {"active_seconds": "12.34"})
    assert (response.status_code, response["Location"]) == (302, address(blind_case))
    first = FirstRead.objects.get()
    assert (first.read_class, first.confidence, first.active_seconds) == ("meningioma", 4, 12.3)
    response = client.get(address(blind_case))
    page = response.content.decode()
    assert "Locked" in page
    assert "83.2" in page
    assert "Known class" not in page
    form = response.context["form"]
    assert (form["verdict"].value(), form["corrected_class"].value()) == ("disagree", "meningioma")


def test_read_that_the_network_shares_is_kept_by_agreeing(blind_case, colleague, client_of) -> None:
    client = client_of(colleague)
    client.post(address(blind_case), READ | {"read_class": "glioma"})
    form = client.get(address(blind_case)).context["form"]
    assert (form["verdict"].value(), form["corrected_class"].value()) == ("agree", "")


def test_read_changed_by_the_network_keeps_both(blind_case, colleague, client_of) -> None:
    client = client_of(colleague)
    client.post(address(blind_case), READ)
    said = {"prediction": str(Prediction.objects.get().pk), "verdict": "agree", "confidence": "3"}
    assert client.post(address(blind_case), said).status_code == 302
    client.post(address(blind_case, "finish/"))
    assert (FirstRead.objects.get().read_class, Review.objects.get().final_class) == ("meningioma", "glioma")
    assert "Known class of this case:" in client.get(address(blind_case)).content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"read_class": ""}, "read_class"),
        ({"read_class": "astrocytoma"}, "read_class"),
        ({"confidence": ""}, "confidence"),
        ({"read_class": "other"}, "other_finding"),
        ({"region": '{"kind": "rectangle", "x0": 0, "y0": 0, "x1": 900, "y1": 9}'}, "region"),
        ({"region": "{"}, "region"),
    ],
)
def test_incomplete_read_is_not_locked_and_reveals_nothing(
    changes, field, blind_case, colleague, client_of
) -> None:
    response = client_of(colleague).post(address(blind_case), READ | changes)
    assert response.status_code == 422
    assert set(response.context["first_form"].errors) == {field}
    page = response.content.decode()
    assert "Broad dural base." in page
    assert [value for value in ai_values() if value in page] == []
    assert not FirstRead.objects.exists()


def test_second_commit_from_another_window_is_told(blind_case, colleague, client_of) -> None:
    client = client_of(colleague)
    client.post(address(blind_case), READ)
    response = client.post(address(blind_case), READ | {"read_class": "glioma", "comment": "Second window."})
    assert response.status_code == 409
    page = response.content.decode()
    assert "You have gone on with this case in another window" in page
    assert "Second window." in page
    assert FirstRead.objects.get().read_class == "meningioma"


def test_second_reader_of_a_full_case_is_sent_on(blind_case, colleague, second, client_of) -> None:
    client_of(colleague).get(address(blind_case))
    response = client_of(second).get(address(blind_case))
    page = response.content.decode()
    assert "Somebody else is reading this case" in page
    assert response.context["first_form"] is None
    assert client_of(second).post(address(blind_case), READ).status_code == 409
    assert Claim.objects.get().reader == colleague
    assert not FirstRead.objects.exists()


def test_administrator_of_a_blinded_cohort_sees_the_result_and_is_refused_as_a_reader(
    blind_case, administrator, client_of
) -> None:
    client = client_of(administrator)
    page = client.get(address(blind_case)).content.decode()
    assert "83.2" in page
    assert 'id="review-form"' not in page
    assert client.post(address(blind_case), READ).status_code == 403
    assert not FirstRead.objects.exists()


# --- Drafts, undo, hold, give back ------------------------------------------------------


def test_draft_comes_back_in_the_form(blind_case, colleague, client_of) -> None:
    client = client_of(colleague)
    region = {"image": 0, "kind": "rectangle", "x0": 1, "y0": 1, "x1": 9, "y1": 9}
    typed = READ | {"comment": "half a sen", "region": json.dumps(region), "revision": "0"}
    assert client.post(address(blind_case, "draft/"), typed).json() == {"revision": 1}
    response = client.get(address(blind_case))
    form = response.context["first_form"]
    assert (form["comment"].value(), form["read_class"].value()) == ("half a sen", "meningioma")
    assert json.loads(form["region"].value()) == region
    assert 'data-revision="1"' in response.content.decode()
    refused = client.post(address(blind_case, "draft/"), typed)
    assert (refused.status_code, refused.json()["revision"]) == (409, 1)
    assert refused.json()["fields"] == Draft.objects.get().fields
    assert client.post(address(blind_case, "draft/"), typed | {"revision": "1"}).json() == {"revision": 2}


def test_undone_review_is_in_the_form_again(ready_case, colleague, client_of) -> None:
    client = client_of(colleague)
    said = {"verdict": "disagree", "corrected_class": "other", "other_finding": "abscess", "confidence": "2"}
    client.post(address(ready_case), said | {"prediction": str(Prediction.objects.get().pk)})
    assert client.post(address(ready_case, "undo/")).status_code == 302
    form = client.get(address(ready_case)).context["form"]
    assert (form["corrected_class"].value(), form["other_finding"].value()) == ("other", "abscess")
    client.post(address(ready_case), said | {"prediction": str(Prediction.objects.get().pk)})
    client.post(address(ready_case, "finish/"))
    page = client.post(address(ready_case, "undo/"), follow=True).content.decode()
    assert "This review is final already." in page
    assert Review.objects.get().other_finding == "abscess"


def test_open_page_holds_the_slot_and_gives_it_back(ready_case, colleague, second, client_of) -> None:
    client = client_of(colleague)
    page = client.get(address(ready_case)).content.decode()
    assert f'data-hold-url="{address(ready_case, "hold/")}"' in page
    before = Claim.objects.get()
    answer = client.post(address(ready_case, "hold/"))
    held = Claim.objects.get()
    assert (held.reader, held.expires_at > before.expires_at) == (colleague, True)
    assert (answer.status_code, answer.json()) == (200, {"held": held.expires_at.isoformat()})
    assert client_of(second).post(address(ready_case, "hold/")).status_code == 409
    client.post(address(ready_case, "give-back/"))
    assert client.post(address(ready_case, "hold/")).status_code == 409
    assert not Claim.objects.exists()


def test_open_page_of_an_administrator_asks_for_no_slot_and_gets_none(
    ready_case, administrator, colleague, client_of
) -> None:
    client = client_of(administrator)
    assert "data-hold-url" not in client.get(address(ready_case)).content.decode()
    assert client.post(address(ready_case, "hold/")).status_code == 409
    assert not Claim.objects.exists()
    client_of(colleague).get(address(ready_case))
    assert Claim.objects.get().reader == colleague


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"X-Moz": "prefetch"},
        {"Purpose": "preview"},
    ],
)
def test_page_fetched_ahead_takes_no_slot(headers, ready_case, colleague, client_of) -> None:
    client = client_of(colleague)
    answer = client.get(address(ready_case), headers=headers)
    assert (answer.status_code, answer.content) == (503, b"")
    client.head(address(ready_case))
    assert not Claim.objects.exists()
    client.get(address(ready_case))
    assert Claim.objects.get().reader == colleague


def test_looking_on_makes_nothing_final_and_going_on_does(
    ready_case, submit, analyse_as, colleague, client_of
) -> None:
    other = submit(seed=5)
    analyse_as(other)
    client = client_of(colleague)
    client.get(address(other))
    said = {"prediction": str(prediction_of(other)), "verdict": "agree", "confidence": "4"}
    client.post(address(other), said)
    for page in ("/cases/", "/cases/live/", "/cases/next/", f"/cases/next/?after={other.code}"):
        client.get(page)
        client.head(page)
    client.get(address(ready_case))
    assert not Review.objects.exists()
    assert Draft.objects.get().state == "preliminary"
    assert client.get("/cases/next/")["Location"] == address(ready_case)
    assert client.post("/cases/next/", {"after": other.code})["Location"] == address(ready_case)
    assert Review.objects.get().case == other


def test_read_of_the_next_case_makes_the_one_before_final(
    ready_case, submit, analyse_as, colleague, client_of
) -> None:
    other = submit(seed=5)
    analyse_as(other)
    client = client_of(colleague)
    for case in (other, ready_case):
        said = {"prediction": str(prediction_of(case)), "verdict": "agree", "confidence": "4"}
        client.post(address(case), said)
    assert Review.objects.get().case == other
    assert Draft.objects.get().case == ready_case


def prediction_of(case) -> object:
    return Prediction.objects.get(image__case=case).pk


def test_draft_that_somebody_else_has_typed_is_not_kept_for_who_is_signed_in(
    ready_case, colleague, second, client_of
) -> None:
    client = client_of(second)
    typed = {"comment": "of the one before", "revision": "0"}
    assert (
        client.post(address(ready_case, "draft/"), typed | {"typed_by": str(colleague.pk)}).status_code == 403
    )
    assert not Draft.objects.exists()
    assert client.post(address(ready_case, "draft/"), typed | {"typed_by": str(second.pk)}).status_code == 200
    assert Draft.objects.get().reader == second


def test_administrator_takes_no_slot_by_looking_and_comes_second_if_somebody_reads(
    ready_case, colleague, administrator, client_of
) -> None:
    office, prediction = client_of(administrator), str(Prediction.objects.get().pk)
    assert 'id="review-form"' in office.get(address(ready_case)).content.decode()
    assert not Claim.objects.exists()
    client_of(colleague).get(address(ready_case))
    said = {"prediction": prediction, "verdict": "agree", "confidence": "4", "comment": "From the office."}
    response = office.post(address(ready_case), said)
    assert response.status_code == 409
    page = response.content.decode()
    assert "Somebody else is reading this case" in page
    assert "From the office." in page
    assert not Draft.objects.exists()


@pytest.mark.parametrize(
    "part", ["draft/", "hold/", "give-back/", "leave/", "take-over/", "undo/", "finish/"]
)
def test_who_does_not_read_here_is_refused(part, ready_case, owner, stranger, client_of, client) -> None:
    where = address(ready_case, part)
    assert client_of(stranger).post(where).status_code == 404
    assert client.post(where).status_code == 302
    assert client.post(where, headers={"X-Requested-With": "XMLHttpRequest"}).status_code == 401
    assert client_of(owner).get(where).status_code == 405
    assert client_of(owner).post("/cases/0000-0000/" + part).status_code == 404
    if part in ("draft/", "hold/", "take-over/"):
        assert client_of(owner).post(where).status_code == 403
    assert not Draft.objects.exists()
    assert not Claim.objects.exists()


@pytest.mark.parametrize(
    ("committed", "keep", "change"),
    [
        ("glioma", "Keep it: Glioma", "Change it"),
        ("meningioma", "Keep Meningioma, or say another class", "Change it to the network&#x27;s: Glioma"),
        ("unreadable", "Keep Not readable, or say another class", "Change it to the network&#x27;s: Glioma"),
    ],
)
def test_after_the_reveal_the_question_is_whether_the_own_read_stays(
    committed, keep, change, blinded, ready_case, colleague, client_of, commit_as
) -> None:
    commit_as(colleague, ready_case, committed)
    page = client_of(colleague).get(f"/cases/{ready_case.code}/").content.decode()
    assert "Do you keep your read, or change it?" in page
    assert "Do you agree with the network?" not in page
    assert keep in page
    assert change in page
