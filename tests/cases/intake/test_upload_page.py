"""Uploading through HTTP: every kind of file, both ways in, and that nothing of a name is kept."""

import io
import logging
import struct
import zlib

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image as PillowImage

from cases.models import AuditEvent, Case, Image, Job, Membership
from tests.cases.intake.test_uploads import stored_files
from tests.cast import make_png_bytes, sha256_of

pytestmark = pytest.mark.usefixtures("model_version")
UPLOAD = "/cases/upload/"
SCRIPT = {"X-Requested-With": "XMLHttpRequest"}
NAME = "../../Doe^Jane_1970-01-01.png"


def part(data: bytes, name: str = NAME) -> SimpleUploadedFile:
    file = SimpleUploadedFile("x", data)
    # What a hostile client writes there, which the class would clean at once.
    file._name = name
    return file


def saved(picture: PillowImage.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def huge_png() -> bytes:
    """A PNG of 20,000 x 20,000 pixels by its header, in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 99))
        + chunk(b"IEND", b"")
    )


def animated() -> bytes:
    frames = [PillowImage.new("L", (64, 64), shade) for shade in (0, 99)]
    return saved(frames[0], "WEBP", save_all=True, append_images=frames[1:])


BAD = {
    "not an image": (b"<html>hello</html>" * 20, "not an image"),
    "truncated": (make_png_bytes()[:900], "damaged, incomplete"),
    "zero bytes": (b"", "The file is empty. Received 0 bytes."),
    "20,000 pixels": (huge_png(), "too large to be opened safely"),
    "animated": (animated(), "one slice per file"),
}


def odd_pictures() -> dict[str, tuple[bytes, str]]:
    """Pictures that are taken, by the notice that each leaves."""
    grey = PillowImage.open(io.BytesIO(make_png_bytes(64, 48)))
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    deep = PillowImage.fromarray(np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) * 20)
    alpha = grey.convert("RGBA")
    alpha.putalpha(200)
    return {
        "cmyk": (saved(grey.convert("CMYK"), "JPEG"), "cmyk_converted"),
        "16-bit": (saved(deep, "PNG"), ""),
        "alpha": (saved(alpha, "PNG"), "alpha_removed"),
        "exif": (saved(grey, "JPEG", exif=exif), "exif_rotated"),
    }


def test_upload_page_offers_the_formats_and_preselects_the_only_cohort(owner, cohort, client_of) -> None:
    response = client_of(owner).get(UPLOAD)
    page = response.content.decode()
    assert "accept=" not in page  # a scanner's files often have no ending
    assert f'<option value="{cohort.pk}" selected>North</option>' in page
    assert "Choose a cohort" not in page


def test_upload_page_offers_only_cohorts_to_upload_to(
    owner, cohort, other_cohort, make_person, client_of
) -> None:
    Membership.objects.create(user=owner, cohort=other_cohort, role="exporter")
    assert other_cohort.name not in client_of(owner).get(UPLOAD).content.decode()


def test_upload_by_exporter_is_refused_and_stores_nothing(exporter, cohort, client_of) -> None:
    client, before = client_of(exporter), stored_files()
    assert client.get(UPLOAD).status_code == 403
    response = client.post(UPLOAD, {"cohort": cohort.pk, "files": part(make_png_bytes(seed=78))})
    assert response.status_code == 403
    assert (Case.objects.count(), stored_files()) == (0, before)


def test_upload_to_a_foreign_cohort_is_refused_and_stores_nothing(stranger, cohort, client_of) -> None:
    before = stored_files()
    response = client_of(stranger).post(UPLOAD, {"cohort": cohort.pk, "files": part(make_png_bytes(seed=77))})
    assert response.status_code == 422
    assert "You cannot upload to this cohort. Choose another one." in response.content.decode()
    assert (Case.objects.count(), stored_files()) == (0, before)


def test_upload_without_a_file_says_so(owner, cohort, client_of) -> None:
    response = client_of(owner).post(UPLOAD, {"cohort": cohort.pk})
    assert response.status_code == 422
    assert "Choose at least one file." in response.content.decode()


def test_form_with_many_files_answers_one_row_each_and_the_good_ones_go_on(owner, cohort, client_of) -> None:
    good = make_png_bytes(seed=5)
    files = [part(data, f"{name}.png") for name, (data, _) in BAD.items()]
    files += [part(good, "good.png"), part(good, "again.png")]
    response = client_of(owner).post(UPLOAD, {"cohort": cohort.pk, "files": files})
    assert response.status_code == 200
    rows = response.context["uploads"]
    assert [str(row.receipt.outcome) for row in rows] == ["refused"] * 5 + ["received", "duplicate"]
    assert [row.name for row in rows[-2:]] == ["good.png", "again.png"]
    case = Case.objects.get()
    assert rows[-1].receipt.case == case
    page = response.content.decode()
    assert f"The same file is already in this cohort, as case {case.code}." in page
    assert page.count(f'href="/cases/{case.code}/"') == 2


@pytest.mark.parametrize("grouping", ["separate", "one_case"])
def test_part_that_is_no_file_has_its_row_in_order(grouping, owner, cohort, client_of) -> None:
    parts = [
        ('name="cohort"', str(cohort.pk).encode()),
        ('name="grouping"', grouping.encode()),
        ('name="files"', b"a text"),
        ('name="files"; filename="1.png"', make_png_bytes(seed=1)),
        ('name="files"; filename=""', b"x"),
        ('name="files"; filename="2.png"', b"no picture"),
    ]
    body = b"".join(
        b"--limit\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (said.encode(), content)
        for said, content in parts
    )
    answer = client_of(owner).generic(
        "POST", UPLOAD, body + b"--limit--\r\n", "multipart/form-data; boundary=limit"
    )
    rows = [(row.name, row.receipt.code) for row in answer.context["uploads"]]
    text, picture = ("Unnamed file", "no_file_name"), ("1.png", "received")
    if grouping == "separate":
        assert rows == [text, picture, text, ("2.png", "not_an_image")]
    else:
        assert rows == [("1 file as one case", "received"), text, text, ("2.png", "not_an_image")]
    assert "This part has no file name" in answer.content.decode()


@pytest.mark.parametrize("name", BAD)
def test_bad_file_is_refused_with_the_reason_and_leaves_nothing(
    name, owner, cohort, client_of, caplog
) -> None:
    data, words = BAD[name]
    before = stored_files()
    with caplog.at_level(logging.DEBUG):
        response = client_of(owner).post(UPLOAD, {"cohort": cohort.pk, "files": part(data)}, headers=SCRIPT)
    assert (response.status_code, response["X-Upload-Outcome"]) == (422, "refused")
    assert words in response.content.decode()
    assert (Case.objects.count(), Image.objects.count(), Job.objects.count()) == (0, 0, 0)
    assert (stored_files(), AuditEvent.objects.count()) == (before, 0)
    assert "Doe" not in caplog.text


@pytest.mark.parametrize("name", ["cmyk", "16-bit", "alpha", "exif"])
def test_odd_picture_is_taken_and_says_what_was_changed(name, owner, cohort, colleague, client_of) -> None:
    data, notice = odd_pictures()[name]
    response = client_of(owner).post(UPLOAD, {"cohort": cohort.pk, "files": part(data)}, headers=SCRIPT)
    assert (response.status_code, response["X-Upload-Outcome"]) == (201, "received")
    image = Image.objects.get()
    assert image.notices == ([notice] if notice else [])
    assert (image.width, image.height) == ((48, 64) if name == "exif" else (64, 48))
    assert image.bit_depth == (16 if name == "16-bit" else 8)
    if notice == "exif_rotated":
        page = client_of(colleague).get(f"/cases/{image.case.code}/").content.decode()
        assert "The picture was turned upright, as the orientation stored in the file told." in page


def test_file_over_the_limit_is_refused_and_the_one_beside_it_goes_on(
    owner, cohort, client_of, settings, caplog
) -> None:
    settings.UPLOAD_MAX_BYTES = 20_000
    files = [part(b"\x89PNG" + b"0" * 300_000, "Doe^Jane.png"), part(make_png_bytes(seed=6), "good.png")]
    with caplog.at_level(logging.DEBUG):
        response = client_of(owner).post(UPLOAD, {"cohort": cohort.pk, "files": files})
    rows = response.context["uploads"]
    assert [(row.name, row.receipt.code) for row in rows] == [
        ("Doe^Jane.png", "file_too_large"),
        ("good.png", "received"),
    ]
    assert "Doe" not in caplog.text
    assert Case.objects.count() == 1


def test_script_gets_a_file_over_the_limit_refused(owner, cohort, client_of, settings) -> None:
    settings.UPLOAD_MAX_BYTES = 20_000
    response = client_of(owner).post(
        UPLOAD, {"cohort": cohort.pk, "files": part(b"0" * 300_000)}, headers=SCRIPT
    )
    assert (response.status_code, response["X-Upload-Outcome"]) == (422, "refused")
    assert "This file is larger than" in response.content.decode()


def test_script_gets_the_row_alone_with_its_live_state(
    owner, cohort, client_of, enqueued, django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = client_of(owner).post(
            UPLOAD, {"cohort": cohort.pk, "files": part(make_png_bytes())}, headers=SCRIPT
        )
    case = Case.objects.get()
    page = response.content.decode()
    assert (response.status_code, response["X-Upload-Outcome"]) == (201, "received")
    assert page.strip().startswith("<li")
    assert "<html" not in page
    assert f'<input type="hidden" name="c" value="{case.code}">' in page
    assert enqueued == [Job.objects.get().pk]


def test_files_of_one_case_stand_in_the_natural_order_of_their_names(
    owner, cohort, client_of, settings
) -> None:
    settings.UPLOAD_MAX_BYTES = 20_000
    seeds = {"Doe slice10.png": 10, "Doe slice2.png": 2, "Doe slice1.png": 1}
    files = [part(make_png_bytes(seed=seed), name) for name, seed in seeds.items()]
    files += [part(b"no picture", "notes.txt"), part(b"0" * 300_000, "large.png")]
    form = {"cohort": cohort.pk, "grouping": "one_case", "files": files}
    response = client_of(owner).post(UPLOAD, form)
    case = Case.objects.get()
    assert [image.source_sha256 for image in case.images.order_by("position")] == [
        sha256_of(make_png_bytes(seed=seed)) for seed in (1, 2, 10)
    ]
    rows = response.context["uploads"]
    assert [(row.name, row.receipt.code, row.files) for row in rows] == [
        ("3 files as one case", "received", ("Doe slice1.png", "Doe slice2.png", "Doe slice10.png")),
        ("large.png", "file_too_large", ()),
        ("notes.txt", "not_an_image", ()),
    ]
    page = response.content.decode()
    assert page.count(f'id="analysis-{case.code}"') == 1
    assert "0 of 3 analysed" in page
    everything = [str(list(model.objects.values())) for model in (Case, Image, Job, AuditEvent)]
    assert not any("Doe" in text for text in everything)


def test_script_gets_the_case_and_what_was_left_out_as_rows(owner, cohort, client_of) -> None:
    files = [part(b"no picture", "a"), part(make_png_bytes(seed=1), "b"), part(make_png_bytes(seed=2), "c")]
    form = {"cohort": cohort.pk, "grouping": "one_case", "files": files}
    response = client_of(owner).post(UPLOAD, form, headers=SCRIPT)
    page = response.content.decode()
    assert (response.status_code, response["X-Upload-Outcome"]) == (201, "received")
    assert page.count('<li class="upload-row"') == 2
    assert "2 files as one case" in page
    assert "not an image" in page


def test_script_gets_refusals_where_nothing_of_a_case_can_be_read(owner, cohort, client_of) -> None:
    files = [part(b"no picture", "a"), part(b"nor this", "b")]
    form = {"cohort": cohort.pk, "grouping": "one_case", "files": files}
    response = client_of(owner).post(UPLOAD, form, headers=SCRIPT)
    assert (response.status_code, response["X-Upload-Outcome"]) == (422, "refused")
    assert Case.objects.count() == 0


def test_form_that_groups_in_no_known_way_is_refused(owner, cohort, client_of) -> None:
    form = {"cohort": cohort.pk, "grouping": "pairs", "files": part(make_png_bytes())}
    assert client_of(owner).post(UPLOAD, form).status_code == 422
    assert Case.objects.count() == 0


def test_script_without_a_cohort_gets_the_reason_as_a_row(owner, client_of) -> None:
    response = client_of(owner).post(UPLOAD, {"files": part(make_png_bytes())}, headers=SCRIPT)
    assert (response.status_code, response["X-Upload-Outcome"]) == (422, "refused")
    assert "Choose the cohort that these images belong to." in response.content.decode()
    assert Case.objects.count() == 0


def test_name_of_a_file_is_shown_escaped_and_kept_nowhere(
    owner, colleague, cohort, client_of, caplog, make_png
) -> None:
    name = '<img src=x onerror="alert(1)">Doe.png'
    with caplog.at_level(logging.DEBUG):
        answer = client_of(owner).post(UPLOAD, {"cohort": cohort.pk, "files": part(make_png(), name)})
    page = answer.content.decode()
    assert "&lt;img src=x onerror=" in page
    assert "<img src=x" not in page
    case = Case.objects.get()
    everything = [str(list(model.objects.values())) for model in (Case, Image, Job, AuditEvent)]
    everything += [
        *stored_files(),
        caplog.text,
        client_of(colleague).get(f"/cases/{case.code}/").content.decode(),
    ]
    assert not any("Doe" in text or "onerror" in text for text in everything)


def test_name_with_a_path_is_shown_without_it(owner, cohort, client_of, make_png) -> None:
    response = client_of(owner).post(UPLOAD, {"cohort": cohort.pk, "files": part(make_png())})
    assert response.context["uploads"][0].name == "Doe^Jane_1970-01-01.png"


def test_more_files_than_allowed_at_once_are_refused_whole(owner, cohort, client_of, settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    files = [part(make_png_bytes(seed=seed)) for seed in range(3)]
    response = client_of(owner).post(UPLOAD, {"cohort": cohort.pk, "files": files})
    assert response.status_code == 400
    assert Case.objects.count() == 0


def test_upload_address_is_named_for_the_navigation() -> None:
    assert reverse("cases:upload") == UPLOAD
