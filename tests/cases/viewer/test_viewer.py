"""What the viewer is given: pictures of a case, their own results, marked regions; NIfTI for its canvas."""

import gzip
import json

import nibabel as nib
import numpy as np
import pytest

from cases.models import FirstRead, Prediction, Review

RECTANGLE = {"image": 0, "kind": "rectangle", "x0": 8, "y0": 16, "x1": 40, "y1": 48}


@pytest.fixture
def three(submit_many, analyse_as):
    """Three images; the second one's result, a glioma, stands for the case."""
    case = submit_many(3)
    for position, (label, share) in enumerate([("notumor", 0.9), ("glioma", 0.8), ("notumor", 0.7)]):
        analyse_as(case, label, share, position=position)
    return case


def viewer_of(client, case, **query):
    return client.get(f"/cases/{case.code}/", query).context["viewer"]


def test_page_opens_at_the_image_that_stands_for_the_case(three, colleague, client_of) -> None:
    viewer = viewer_of(client_of(colleague), three)
    assert (viewer.here.number, viewer.here.is_key, viewer.count) == (2, True, 3)
    assert viewer.here.finding == "Glioma, 80 %"
    assert (viewer.before.number, viewer.after.number) == (1, 3)


def test_image_of_the_query_is_shown_with_its_own_result_and_map(three, colleague, client_of) -> None:
    viewer = viewer_of(client_of(colleague), three, image=2, opacity=30)
    own = Prediction.objects.get(image__position=2)
    assert viewer.here.finding == "No tumour, 70 %"
    assert str(own.pk) in viewer.heat.map
    assert viewer.base.endswith("base.png?image=2&channel=grey")
    assert viewer.before.query == "opacity=30&image=1"
    assert viewer.after is None


def test_image_that_the_case_does_not_have_is_not_found(three, colleague, client_of) -> None:
    for wrong in ("3", "-1", "x", "0" * 50):
        assert client_of(colleague).get(f"/cases/{three.code}/", {"image": wrong}).status_code == 404
        assert client_of(colleague).get(f"/cases/{three.code}/base.png", {"image": wrong}).status_code == 404


def test_blinded_reader_begins_at_the_first_image_and_is_told_no_result(
    blinded, three, colleague, client_of
) -> None:
    viewer = viewer_of(client_of(colleague), three)
    assert (viewer.here.number, viewer.here.is_key, viewer.here.finding) == (1, False, "")
    assert [image["heat"] for image in viewer.data["images"]] == [None, None, None]
    assert {image["isKey"] for image in viewer.data["images"]} == {False}
    assert (viewer.heat, viewer.data["evidence"], viewer.data["colours"]) == (None, {}, {})


def test_refused_image_of_many_has_no_class_and_no_map(submit_many, analyse_as, colleague, client_of) -> None:
    case = submit_many(2)
    analyse_as(case, "glioma", 0.8, position=0)
    analyse_as(case, "glioma", 0.9, position=1, gate_verdict="refused", gate_distance=9.0)
    viewer = viewer_of(client_of(colleague), case)
    assert [image["finding"] for image in viewer.data["images"]] == ["Glioma, 80 %", "no class"]
    assert viewer.data["images"][1]["heat"] is None


def test_mark_of_the_own_review_is_shown_again_with_the_heat_inside(
    ready_case, colleague, client_of, review_as
) -> None:
    review_as(colleague, ready_case, region=RECTANGLE)
    viewer = viewer_of(client_of(colleague), ready_case)
    (mark,) = viewer.marks
    assert (mark.owner, mark.sign, mark.path) == ("Your review", "1", "M8 16H40V48H8Z")
    assert mark.size == "25.0 %"
    assert mark.share == mark.shares["conv_3"]["glioma"]
    assert mark.shares["conv_3"]["pituitary"] == "no heat"
    assert viewer.data["shares"] == [mark.shares]
    page = client_of(colleague).get(f"/cases/{ready_case.code}/").content.decode()
    assert page.count('d="M8 16H40V48H8Z"') == 4  # on either pane, a light line on a dark one


def test_shares_are_written_as_the_language_writes_numbers(
    ready_case, colleague, client_of, review_as, settings
) -> None:
    review_as(colleague, ready_case, region=RECTANGLE)
    client = client_of(colleague)
    english = viewer_of(client, ready_case).marks[0]
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "de"
    german = viewer_of(client, ready_case).marks[0]
    assert (german.owner, german.size) == ("Ihr Befund", "25,0 %")
    assert german.share == english.share.replace(".", ",") != english.share


def test_finding_of_a_picture_is_worded_in_the_language(three, colleague, client_of, settings) -> None:
    client = client_of(colleague)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "de"
    viewer = viewer_of(client, three)
    assert [each["finding"] for each in viewer.data["images"]] == [
        "Kein Tumor, 90 %",
        "Gliom, 80 %",
        "Kein Tumor, 70 %",
    ]


def test_mark_on_another_image_is_shown_there_alone(three, colleague, client_of, review_as) -> None:
    review_as(colleague, three, region=RECTANGLE)
    here = viewer_of(client_of(colleague), three)
    assert (here.marks, [(mark.image, mark.share) for mark in here.all_marks]) == ([], [(0, "")])
    assert [mark.sign for mark in viewer_of(client_of(colleague), three, image=0).marks] == ["1"]


def test_mark_of_a_colleague_stays_hidden_until_the_own_review(
    ready_case, colleague, second, under_protocol, client_of, review_as
) -> None:
    under_protocol(readers_required=2)
    review_as(colleague, ready_case, region=RECTANGLE)
    client = client_of(second)
    assert viewer_of(client, ready_case).marks == []
    review_as(second, ready_case)
    assert [mark.owner for mark in viewer_of(client, ready_case).marks] == ["Colleague"]
    assert Review.objects.count() == 2


def test_mark_of_the_first_read_is_shown_once_where_the_review_keeps_it(
    blinded, ready_case, colleague, client_of, commit_as, review_as
) -> None:
    commit_as(colleague, ready_case, region=RECTANGLE)
    review_as(colleague, ready_case, region=FirstRead.objects.get().region)
    assert [mark.owner for mark in viewer_of(client_of(colleague), ready_case).marks] == ["Your own read"]


def test_picture_comes_as_nifti_with_all_its_bits(owner, cohort, model_version, colleague, client_of) -> None:
    from django.core.files.base import ContentFile

    from cases.intake.uploads import submit_file
    from tests.inference.images import png_of, slice_like

    pixels = slice_like()
    case = submit_file(by=owner, cohort=cohort, file=ContentFile(png_of(pixels))).case
    response = client_of(colleague).get(f"/cases/{case.code}/base.nii.gz")
    assert response["Content-Type"] == "application/gzip"
    assert response["Cache-Control"] == "private, no-cache"
    volume = nib.Nifti1Image.from_bytes(gzip.decompress(response.content))
    assert np.array_equal(np.asanyarray(volume.dataobj)[:, :, 0].T, pixels)
    again = client_of(colleague).get(
        f"/cases/{case.code}/base.nii.gz", headers={"If-None-Match": response["ETag"]}
    )
    assert again.status_code == 304


@pytest.mark.parametrize("interpolation", ["linear", "nearest"])
def test_map_comes_as_nifti_smooth_or_as_its_fields(interpolation, ready_case, colleague, client_of) -> None:
    prediction = Prediction.objects.get()
    address = f"/cases/{ready_case.code}/maps/{prediction.pk}/conv_3/glioma.nii.gz"
    response = client_of(colleague).get(address, {"interpolation": interpolation})
    volume = nib.Nifti1Image.from_bytes(gzip.decompress(response.content))
    assert volume.shape == (64, 64, 1)


def test_volumes_for_stranger_and_blinded_reader_are_not_found(
    blinded, ready_case, stranger, colleague, client_of
) -> None:
    prediction = Prediction.objects.get()
    heat = f"/cases/{ready_case.code}/maps/{prediction.pk}/conv_3/glioma.nii.gz"
    base = f"/cases/{ready_case.code}/base.nii.gz"
    assert [client_of(stranger).get(address).status_code for address in (heat, base)] == [404, 404]
    assert [client_of(colleague).get(address).status_code for address in (heat, base)] == [404, 200]


def test_unknown_channel_and_way_of_drawing_say_what_is_known(ready_case, colleague, client_of) -> None:
    client, prediction = client_of(colleague), Prediction.objects.get()
    channel = client.get(f"/cases/{ready_case.code}/base.nii.gz", {"channel": "infrared"})
    assert (channel.status_code, b"grey, rgb, red, green, blue" in channel.content) == (400, True)
    heat = f"/cases/{ready_case.code}/maps/{prediction.pk}/conv_3/glioma.nii.gz"
    drawn = client.get(heat, {"interpolation": "3d"})
    assert (drawn.status_code, b"linear, nearest" in drawn.content) == (400, True)


def test_addresses_for_the_module_are_plain_data(ready_case, colleague, client_of) -> None:
    page = client_of(colleague).get(f"/cases/{ready_case.code}/").content.decode()
    start = page.index('<script id="viewer-data" type="application/json">')
    data = json.loads(page[page.index(">", start) + 1 : page.index("</script>", start)])
    assert data["images"][0]["heat"]["volume"].endswith("/LAYER/CLASS.nii.gz")
    assert len(data["colours"]["inferno"]) == 256 * 6
