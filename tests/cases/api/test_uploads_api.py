"""Uploading over REST: a receipt for every file, and nothing stored of what is refused."""

import json
import logging

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from cases.models import AuditEvent, Case, Image, Job
from tests.cases.api.support import API, problem_of
from tests.cast import make_png_bytes, sha256_of

pytestmark = pytest.mark.usefixtures("model_version", "cohort")
URL = f"{API}uploads/"


def picture(seed: int = 0, name: str = "slice.png", **options) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, make_png_bytes(seed=seed, **options), "image/png")


def rubbish(size: int = 100, name: str = "notes.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, b"x" * size, "image/png")


def stored() -> tuple[int, int, int, int]:
    return (Case.objects.count(), Image.objects.count(), Job.objects.count(), AuditEvent.objects.count())


def test_upload_by_member_is_received_and_queued(
    owner, api_of, enqueued, django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = api_of(owner).post(URL, {"cohort": "North", "file": picture()})
    case = Case.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "receipts": [
            {
                "index": 0,
                "outcome": "received",
                "case": case.code,
                "url": f"http://testserver/api/v1/cases/{case.code}/",
                "position": 0,
                "code": "received",
                "message": "Received and queued.",
                "notices": [],
            }
        ]
    }
    assert (case.created_by, case.cohort.name) == (owner, "North")
    assert enqueued == [Job.objects.get().pk]


def test_cohort_may_be_given_by_id(colleague, cohort, api_of) -> None:
    assert api_of(colleague).post(URL, {"cohort": str(cohort.pk), "file": picture()}).status_code == 201
    assert Case.objects.get().cohort == cohort


def test_each_file_has_its_own_receipt_in_the_order_of_the_form(owner, api_of, settings) -> None:
    settings.UPLOAD_MAX_BYTES = 20_000
    client = api_of(owner)
    client.post(URL, {"cohort": "North", "file": picture(seed=7)})
    first = Case.objects.get()
    files = [rubbish(30_000), picture(seed=1), rubbish(), picture(seed=7), rubbish(30_000), picture(seed=2)]
    response = client.post(URL, {"cohort": "North", "file": files})
    receipts = response.json()["receipts"]
    assert response.status_code == 201
    assert [(r["index"], r["outcome"], r["code"]) for r in receipts] == [
        (0, "refused", "file_too_large"),
        (1, "received", "received"),
        (2, "refused", "not_an_image"),
        (3, "duplicate", "duplicate"),
        (4, "refused", "file_too_large"),
        (5, "received", "received"),
    ]
    assert receipts[3]["case"] == first.code
    assert [(receipts[place]["case"], receipts[place]["url"]) for place in (0, 2, 4)] == [(None, None)] * 3
    assert Case.objects.count() == 3


def form_of(*parts: tuple[str, bytes]) -> dict[str, object]:
    """A form whose parts are as they stand: Content-Disposition behind `form-data`, and the content."""
    written = b"".join(
        b"--limit\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (said.encode(), content)
        for said, content in parts
    )
    return {"data": written + b"--limit--\r\n", "content_type": "multipart/form-data; boundary=limit"}


def test_part_that_a_framework_drops_has_its_receipt_in_order(owner, api_of, settings) -> None:
    settings.UPLOAD_MAX_BYTES = 20_000
    form = form_of(
        ('name="file"', b"a text"),
        ('name="file"; filename="1.png"', make_png_bytes(seed=1)),
        ('name="cohort"', b"North"),
        ('name="file"; filename=""', make_png_bytes(seed=2)),
        ('name="file"; filename="empty.png"', b""),
        ('name="file"; filename="large.png"', b"x" * 30_000),
        ('name="file"; filename=".."', make_png_bytes(seed=3)),
        ('name="file"; filename="/"', b"no picture"),
        ('name="file"', b""),
        ('name="file"; filename="4.png"', make_png_bytes(seed=4)),
    )
    receipts = api_of(owner).generic("POST", URL, **form).json()["receipts"]
    assert [(receipt["index"], receipt["code"]) for receipt in receipts] == [
        (0, "no_file_name"),
        (1, "received"),
        (2, "no_file_name"),
        (3, "empty_file"),
        (4, "file_too_large"),
        (5, "received"),
        (6, "not_an_image"),
        (7, "no_file_name"),
        (8, "received"),
    ]
    digests = [sha256_of(make_png_bytes(seed=seed)) for seed in (1, 3, 4)]
    codes = [receipts[place]["case"] for place in (1, 5, 8)]
    stored_as = {image.case.code: image.source_sha256 for image in Image.objects.select_related("case")}
    assert stored_as == dict(zip(codes, digests, strict=True))


def test_file_of_another_field_takes_no_receipt_from_the_files(owner, api_of, settings) -> None:
    settings.UPLOAD_MAX_BYTES = 20_000
    form = form_of(
        ('name="other"; filename="large.png"', b"x" * 30_000),
        ('name="cohort"', b"North"),
        ('name="file"; filename="1.png"', make_png_bytes(seed=1)),
        ('name="file"; filename="notes.png"', b"no picture"),
    )
    receipts = api_of(owner).generic("POST", URL, **form).json()["receipts"]
    assert [receipt["code"] for receipt in receipts] == ["received", "not_an_image"]


def test_upload_of_known_files_alone_is_no_new_resource(owner, api_of) -> None:
    client = api_of(owner)
    client.post(URL, {"cohort": "North", "file": picture()})
    response = client.post(URL, {"cohort": "North", "file": [picture(name="other.png"), rubbish()]})
    assert response.status_code == 200
    assert [receipt["outcome"] for receipt in response.json()["receipts"]] == ["duplicate", "refused"]
    assert Case.objects.count() == 1


def test_upload_of_nothing_usable_is_a_problem_with_receipts(owner, api_of) -> None:
    before = stored()
    empty = SimpleUploadedFile("empty.png", b"")
    body = problem_of(api_of(owner).post(URL, {"cohort": "North", "file": [rubbish(), empty]}), "all_refused")
    assert [(r["index"], r["outcome"], r["code"]) for r in body["receipts"]] == [
        (0, "refused", "not_an_image"),
        (1, "refused", "empty_file"),
    ]
    assert all(receipt["message"] for receipt in body["receipts"])
    assert stored() == before


def test_oversized_file_alone_gets_its_receipt(owner, api_of, settings) -> None:
    settings.UPLOAD_MAX_BYTES = 1000
    body = problem_of(api_of(owner).post(URL, {"cohort": "North", "file": rubbish(2000)}), "all_refused")
    assert [receipt["code"] for receipt in body["receipts"]] == ["file_too_large"]
    assert stored() == (0, 0, 0, 0)


def test_what_was_changed_on_the_way_in_is_said(owner, api_of) -> None:
    response = api_of(owner).post(URL, {"cohort": "North", "file": picture(mode="RGBA")})
    (receipt,) = response.json()["receipts"]
    assert receipt["outcome"] == "received"
    assert len(receipt["notices"]) == 1


@pytest.mark.parametrize("cohort_name", ["North", "Nowhere"])
def test_upload_by_stranger_is_not_found_and_stores_nothing(cohort_name, stranger, api_of) -> None:
    body = problem_of(api_of(stranger).post(URL, {"cohort": cohort_name, "file": picture()}), "not_found")
    assert body["detail"] == "There is no such cohort, or you are not in it."
    assert stored() == (0, 0, 0, 0)


def test_upload_by_exporter_is_refused_and_stores_nothing(exporter, api_of) -> None:
    body = problem_of(api_of(exporter).post(URL, {"cohort": "North", "file": picture()}), "permission_denied")
    assert "North" in body["detail"]
    assert stored() == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"file": "keep"}, "cohort"),
        ({"cohort": "", "file": "keep"}, "cohort"),
        ({"cohort": ["North", "South"], "file": "keep"}, "cohort"),
        ({"cohort": "North"}, "file"),
        ({"cohort": "North", "file": "only a text"}, "file"),
        ({"cohort": "North", "file": "keep", "patient": "Jane Doe"}, "patient"),
        ({"cohort": "North", "file": "keep", "together": "perhaps"}, "together"),
        ({"cohort": "North", "file": "keep", "together": ["true", "true"]}, "together"),
        ({"cohort": "North", "file": "keep", "case": "K7QF-2M9D"}, "cohort"),
        ({"together": "true", "file": "keep", "case": "K7QF-2M9D"}, "together"),
        ({"file": "keep", "case": ["K7QF-2M9D", "K7QF-2M9E"]}, "case"),
    ],
)
def test_form_that_is_not_understood_names_the_field(form, field, owner, api_of) -> None:
    form = {name: picture() if value == "keep" else value for name, value in form.items()}
    body = problem_of(api_of(owner).post(URL, form), "invalid")
    assert list(body["errors"]) == [field]
    assert "Jane" not in json.dumps(body)
    assert stored() == (0, 0, 0, 0)


def test_more_files_than_one_request_may_have_are_refused(owner, api_of, settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    files = [picture(seed=seed) for seed in range(3)]
    problem_of(api_of(owner).post(URL, {"cohort": "North", "file": files}), "too_many_files")
    assert stored() == (0, 0, 0, 0)


def test_session_upload_works_and_is_held_to_the_number_of_files(owner, client_of, settings) -> None:
    browser = client_of(owner)
    assert browser.post(URL, {"cohort": "North", "file": picture()}).status_code == 201
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 1
    two = [picture(seed=1), picture(seed=2)]
    problem_of(browser.post(URL, {"cohort": "North", "file": two}), "too_many_files")
    assert Case.objects.count() == 1


def test_form_without_its_boundary_is_a_problem(owner, api_of) -> None:
    response = api_of(owner).generic("POST", URL, "x", content_type="multipart/form-data")
    problem_of(response, "parse_error")


def test_file_names_are_neither_told_nor_logged(owner, api_of, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    files = [picture(name="../Doe_Jane.png"), rubbish(name="Doe_Jane.png")]
    response = api_of(owner).post(URL, {"cohort": "North", "file": files})
    assert response.status_code == 201
    assert b"Doe" not in response.content
    assert "Doe" not in caplog.text


# --- Many images of one case ----------------------------------------------------


def test_files_sent_together_are_the_images_of_one_case_in_the_order_of_the_form(owner, api_of) -> None:
    client = api_of(owner)
    client.post(URL, {"cohort": "North", "file": picture(seed=7)})
    first = Case.objects.get()
    files = [picture(seed=3), rubbish(), picture(seed=1), picture(seed=3), picture(seed=7), picture(seed=2)]
    response = client.post(URL, {"cohort": "North", "together": "true", "file": files})
    case = Case.objects.exclude(pk=first.pk).get()
    assert response.status_code == 201
    assert [(r["outcome"], r["case"], r["position"]) for r in response.json()["receipts"]] == [
        ("received", case.code, 0),
        ("refused", None, None),
        ("received", case.code, 1),
        ("duplicate", case.code, 0),
        ("duplicate", first.code, 0),
        ("received", case.code, 2),
    ]
    detail = client.get(f"{API}cases/{case.code}/").json()
    assert [image["position"] for image in detail["images"]] == [0, 1, 2]
    digests = [sha256_of(make_png_bytes(seed=seed)) for seed in (3, 1, 2)]
    assert [image["source_sha256"] for image in detail["images"]] == digests


def test_oversized_file_among_the_images_of_a_case_is_left_out(owner, api_of, settings) -> None:
    settings.UPLOAD_MAX_BYTES = 20_000
    files = [picture(seed=1), rubbish(30_000), picture(seed=2)]
    response = api_of(owner).post(URL, {"cohort": "North", "together": "true", "file": files})
    assert [(r["code"], r["position"]) for r in response.json()["receipts"]] == [
        ("received", 0),
        ("file_too_large", None),
        ("received", 1),
    ]
    assert Case.objects.get().images.count() == 2


def test_together_may_be_false_and_then_each_file_is_a_case(owner, api_of) -> None:
    files = [picture(seed=1), picture(seed=2)]
    response = api_of(owner).post(URL, {"cohort": "North", "together": "false", "file": files})
    assert [r["position"] for r in response.json()["receipts"]] == [0, 0]
    assert Case.objects.count() == 2


def test_files_for_a_case_become_its_further_images(owner, api_of) -> None:
    client = api_of(owner)
    client.post(URL, {"cohort": "North", "file": picture()})
    code = Case.objects.get().code
    response = client.post(URL, {"case": code.lower(), "file": [picture(seed=1), picture(seed=2)]})
    assert response.status_code == 201
    assert [(r["case"], r["position"]) for r in response.json()["receipts"]] == [(code, 1), (code, 2)]
    assert Case.objects.count() == 1


def test_case_whose_reading_has_begun_takes_no_further_file(reviewed_case, owner, api_of) -> None:
    before = stored()
    response = api_of(owner).post(URL, {"case": reviewed_case.code, "file": picture(seed=1)})
    body = problem_of(response, "wrong_state")
    assert "The reading of this case has begun" in body["detail"]
    assert stored() == before


@pytest.mark.parametrize(("who", "kind"), [("stranger", "not_found"), ("exporter", "not_found")])
def test_file_for_a_case_by_who_may_not_see_it_is_not_found(
    who, kind, submitted_case, api_of, request
) -> None:
    before = stored()
    client = api_of(request.getfixturevalue(who))
    problem_of(client.post(URL, {"case": submitted_case.code, "file": picture(seed=1)}), kind)
    assert stored() == before


def test_more_images_than_a_case_may_have_are_refused_whole(owner, api_of, settings) -> None:
    settings.CASE_MAX_IMAGES = 2
    files = [picture(seed=seed) for seed in range(3)]
    form = {"cohort": "North", "together": "true", "file": files}
    body = problem_of(api_of(owner).post(URL, form), "all_refused")
    assert {r["code"] for r in body["receipts"]} == {"too_many_images"}
    assert "at most 2 images" in body["receipts"][0]["message"]
    assert stored() == (0, 0, 0, 0)
