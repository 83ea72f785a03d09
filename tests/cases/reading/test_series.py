"""A case of many images on the pages: how far its analysis is, and trying again what failed."""

import pytest
from django.utils.html import strip_tags

from cases.analysis import results
from cases.models import Job, Prediction


def words(response) -> str:
    return " ".join(strip_tags(response.content.decode()).split())


@pytest.fixture
def partly_failed(submit_many, analyse_as, fail_as):
    case = submit_many(3)
    fail_as(case, position=1)
    analyse_as(case, "notumor", 0.9, position=0)
    analyse_as(case, "glioma", 0.8, position=2)
    return case


def test_panel_says_how_many_images_are_analysed(submit_many, analyse_as, colleague, client_of) -> None:
    case = submit_many(4)
    for position in range(3):
        analyse_as(case, position=position)
    panel = client_of(colleague).get(f"/cases/{case.code}/status/", headers={"HX-Request": "true"})
    assert "3 of 4 analysed" in words(panel)
    assert '<progress class="bar"' in panel.content.decode()
    assert 'value="3"' in panel.content.decode()
    page = client_of(colleague).get(f"/cases/{case.code}/")
    assert "3 of 4 analysed" in words(page)
    assert "Glioma" not in words(page)
    analyse_as(case, position=3)
    over = client_of(colleague).get(f"/cases/{case.code}/status/", headers={"HX-Request": "true"})
    assert over["HX-Refresh"] == "true"


def test_panel_of_a_case_of_one_image_counts_nothing(submitted_case, colleague, client_of) -> None:
    assert "of 1 analysed" not in words(client_of(colleague).get(f"/cases/{submitted_case.code}/"))


def test_cell_on_the_worklist_says_how_many_images_are_analysed(
    submit_many, analyse_as, colleague, client_of
) -> None:
    case = submit_many(3)
    analyse_as(case, position=0)
    assert "1 of 3 analysed" in words(client_of(colleague).get("/cases/"))
    live = client_of(colleague).get("/cases/states/", {"c": case.code}, headers={"HX-Request": "true"})
    assert "1 of 3 analysed" in words(live)


def test_partly_failed_case_shows_its_result_and_says_of_how_many_images(
    partly_failed, colleague, client_of
) -> None:
    page = words(client_of(colleague).get(f"/cases/{partly_failed.code}/"))
    assert "Not every image was analysed" in page
    assert "2 of 3 images have a result." in page
    assert "The stored picture is damaged." in page
    assert "80.0" in page
    assert "Another version" not in page
    row = words(client_of(colleague).get("/cases/"))
    assert "2 of 3 analysed" in row
    assert "1 without a result" in row


def test_trying_again_queues_every_failed_image(partly_failed, owner, client_of) -> None:
    response = client_of(owner).post(f"/cases/{partly_failed.code}/retry/", headers={"HX-Request": "true"})
    assert "2 of 3 analysed" in words(response)
    states = Job.objects.order_by("image__position").values_list("status", flat=True)
    assert list(states) == ["succeeded", "queued", "succeeded"]


def test_trying_again_by_stranger_is_not_found_and_queues_nothing(partly_failed, stranger, client_of) -> None:
    assert client_of(stranger).post(f"/cases/{partly_failed.code}/retry/").status_code == 404
    assert not Job.objects.filter(status="queued").exists()


def test_map_of_one_image_never_lies_over_another(submit_many, analyse_as, colleague, client_of) -> None:
    case = submit_many(2)
    analyse_as(case, "notumor", 0.9, position=0)
    analyse_as(case, "glioma", 0.8, position=1)
    response = client_of(colleague).get(f"/cases/{case.code}/")
    first, key = Prediction.objects.order_by("image__position")
    assert response.context["prediction"] == key
    shown = response.context["image"]
    over = first if shown.position == 0 else key
    assert str(over.pk) in response.context["viewer"].heat.map
    assert "Of image 2 of 2, the most suspicious one: it stands for the case." in words(response)


def test_refused_image_beside_the_key_image_has_no_map(submit_many, analyse_as, colleague, client_of) -> None:
    case = submit_many(2)
    analyse_as(case, "glioma", 0.9, position=0, gate_verdict="refused", gate_distance=9.0)
    analyse_as(case, "notumor", 0.8, position=1, gate_verdict="accepted", gate_distance=0.1)
    response = client_of(colleague).get(f"/cases/{case.code}/", {"image": 0})
    assert response.context["prediction"].image.position == 1
    assert response.context["viewer"].heat is None


def test_case_of_one_image_says_nothing_of_others(ready_case, colleague, client_of) -> None:
    assert "stands for the case" not in words(client_of(colleague).get(f"/cases/{ready_case.code}/"))


def test_result_that_comes_while_the_page_is_made_is_asked_for(
    submit, analyse_as, colleague, client_of, monkeypatch
) -> None:
    case = submit()
    current_result = results.current_result

    def just_before(*given):
        found = current_result(*given)
        if not Prediction.objects.exists():
            analyse_as(case)
        return found

    monkeypatch.setattr(results, "current_result", just_before)
    page = client_of(colleague).get(f"/cases/{case.code}/").content.decode()
    assert f'hx-get="/cases/{case.code}/status/"' in page
    assert "Not yet shown" not in page
