"""Text that is burned into the pictures of a quarantined case is blacked out for good."""

from __future__ import annotations

import io

import numpy as np
import pydicom
import pytest

from cases import storage
from cases.deletion.acts import Why, delete
from cases.deletion.targets import target_of_picture
from cases.exchange import wado
from cases.intake import blackout, restoring
from cases.intake.blackout import NotInQuarantine, black_out
from cases.intake.quarantine import release
from cases.intake.receipts import Outcome
from cases.intake.uploads import submit_series
from cases.lifecycle import DeletionReason
from cases.models import AuditEvent, Case, Image, Job
from cases.removals import remove_later, remove_waiting
from cases.viewer.images import pixels_of
from inference.formats import DecodedImage
from tests.cases.intake.hospital import files, slice_file, slice_pixels
from tests.cases.intake.test_uploads import stored_files

pytestmark = [pytest.mark.usefixtures("model_version"), pytest.mark.both_databases]
BOX = (3, 5, 20, 11)
SAID = {"boxes": "3 5 20 11", "scope": "all", "reason": "patient"}


@pytest.fixture(autouse=True)
def own_storage(settings, tmp_path) -> None:
    default = settings.STORAGES["default"]
    own = default | {"OPTIONS": default["OPTIONS"] | {"location": str(tmp_path)}}
    settings.STORAGES = settings.STORAGES | {"default": own}


@pytest.fixture
def held(owner, cohort) -> Case:
    """Three slices that may show a name."""
    submit_series(by=owner, cohort=cohort, files=files(*map(shown, (0, 3, 6))), is_one_case=False)
    return Case.objects.get()


def shown(z: int, **elements: str) -> bytes:
    return slice_file(z, BurnedInAnnotation="YES", SOPInstanceUID=f"1.2.3.{z}", **elements)


def cleaned(z: int) -> np.ndarray:
    """What is left of a slice; of its greys the least is outside of the box."""
    pixels = slice_pixels(z * 10 + 7)
    pixels[5:11, 3:20] = 65535
    pixels[5:11, 3:20] = pixels.min()
    return pixels


def pictures(case: Case) -> list[np.ndarray]:
    return [pixels_of(image) for image in case.images.order_by("position")]


def left() -> set[str]:
    """What is stored once all that is to go is gone; after a commit that is at once."""
    remove_waiting(100)
    return stored_files()


def page_of(case: Case) -> str:
    return f"/cases/{case.code}/blackout/"


def test_administrator_blacks_out_all_slices_and_nothing_of_the_former_is_left(
    held, administrator, client_of, django_capture_on_commit_callbacks
) -> None:
    client, former = client_of(administrator), stored_files()
    preview = client.post(page_of(held), SAID)
    assert '<rect class="blackout__done" x="3" y="5" width="17" height="6" />' in preview.content.decode()
    assert stored_files() == former
    with django_capture_on_commit_callbacks(execute=True):
        done = client.post(page_of(held), SAID | {"confirm": "yes"}, follow=True)
    assert "Blacked out in 3 pictures." in done.content.decode()
    assert "what is black there is no finding" in done.content.decode()
    for kept, z in zip(pictures(held), (0, 3, 6), strict=True):
        assert np.array_equal(kept, cleaned(z))
    assert len(stored_files()) == 3
    assert not stored_files() & former
    event = AuditEvent.objects.get(action="case.blacked_out")
    assert (event.actor, event.subject, event.details) == (
        administrator,
        str(held.pk),
        {"pictures": 3, "picture": None, "boxes": "3 5 20 11", "reason": "patient"},
    )
    record = held.images.first().deidentification
    assert record["profile"] == ["113100", "113107", "113101"]
    assert (record["burned_in"], record["blacked_out"]) == ("no", [[3, 5, 20, 11]])
    held.refresh_from_db()
    assert held.is_quarantined
    assert Job.objects.count() == 0


def test_case_goes_on_to_the_network_once_it_is_let_out(held, administrator, client_of) -> None:
    client_of(administrator).post(page_of(held), SAID | {"confirm": "yes"})
    release(by=administrator, case=held)
    assert Job.objects.filter(image__in=held.images.all()).count() == 3
    header = wado.header_of(held.images.first())
    assert header.BurnedInAnnotation == "NO"
    codes = [item.CodeValue for item in header.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113107", "113101"]
    instance = pydicom.dcmread(io.BytesIO(wado.instance_of(held.images.first())))
    assert np.array_equal(instance.pixel_array, cleaned(0))


def test_one_slice_alone_leaves_the_others_as_they_are(held, administrator) -> None:
    second = held.images.get(position=1)
    done = black_out(by=administrator, image=second, boxes=[BOX], scope="one", reason="staff")
    assert (done.pictures, done.kept_elsewhere) == (1, 0)
    assert np.array_equal(pictures(held)[1], cleaned(3))
    assert np.array_equal(pictures(held)[0], slice_pixels(7))
    assert AuditEvent.objects.get(action="case.blacked_out").details["picture"] == 2
    assert [image.deidentification.get("blacked_out") for image in held.images.all()] == [
        None,
        [[3, 5, 20, 11]],
        None,
    ]


def test_second_time_adds_to_the_first(held, administrator) -> None:
    for box in (BOX, (0, 0, 2, 2)):
        black_out(by=administrator, image=held.images.first(), boxes=[box], scope="one", reason="other")
    image = held.images.first()
    assert image.deidentification["blacked_out"] == [list(BOX), [0, 0, 2, 2]]
    assert image.deidentification["profile"].count("113101") == 1
    assert image.notices.count("blacked_out") == 1
    assert len(left()) == 3


def test_lost_picture_comes_back_from_its_file_without_what_was_blacked_out(
    held, owner, administrator, cohort
) -> None:
    image = held.images.first()
    black_out(by=administrator, image=image, boxes=[BOX], scope="one", reason="patient")
    release(by=administrator, case=held)
    image.refresh_from_db()
    storage.discard(image.file)
    (receipt,) = submit_series(by=owner, cohort=cohort, files=files(shown(0)))
    assert receipt.code == "restored"
    assert np.array_equal(pictures(held)[0], cleaned(0))
    assert len(left()) == 3


@pytest.mark.parametrize("is_deleted", [True, False])
def test_lost_picture_that_is_deleted_or_blacked_out_while_it_comes_back_stays_so(
    held, owner, administrator, cohort, monkeypatch, is_deleted
) -> None:
    image = held.images.first()
    data, real = storage.load(image.file), restoring.picture_as_kept

    def overtaken(each: Image, decoded: DecodedImage) -> bytes:
        storage.store("images", data, ".png")
        if is_deleted:
            target = target_of_picture(held, "0")
            assert target is not None
            delete(target, Why(DeletionReason.NAME_SHOWN, by=administrator))
        else:
            black_out(by=administrator, image=image, boxes=[BOX], scope="one", reason="patient")
        remove_waiting(100)
        return real(each, decoded)

    storage.discard(image.file)
    monkeypatch.setattr(restoring, "picture_as_kept", overtaken)
    (receipt,) = submit_series(by=owner, cohort=cohort, files=files(shown(0)))
    assert (receipt.outcome, receipt.code) == (Outcome.REFUSED, "deleted_meanwhile")
    assert len(stored_files()) == (2 if is_deleted else 3)
    assert (Image.objects.get(pk=image.pk).file == "") == is_deleted
    if not is_deleted:
        assert np.array_equal(pictures(held)[0], cleaned(0))


def test_same_instance_in_another_file_is_known_by_what_is_left_of_it(
    held, owner, administrator, cohort
) -> None:
    black_out(by=administrator, image=held.images.first(), boxes=[BOX], scope="all", reason="patient")
    (receipt,) = submit_series(by=owner, cohort=cohort, files=files(shown(0, StationName="MR2")))
    assert (receipt.outcome, receipt.case) == (Outcome.DUPLICATE, held)
    assert len(left()) == 3


def test_picture_that_another_cohort_has_too_stays_there_and_that_is_said(
    held, stranger, other_cohort, administrator, client_of
) -> None:
    submit_series(by=stranger, cohort=other_cohort, files=files(shown(0)))
    other = Image.objects.get(cohort=other_cohort)
    done = client_of(administrator).post(page_of(held), SAID | {"confirm": "yes"}, follow=True)
    assert "1 of the former pictures stays, since another case has the same one." in done.content.decode()
    assert np.array_equal(pixels_of(other), slice_pixels(7))


def test_what_a_crash_left_half_written_of_the_picture_is_gone_too(held, administrator) -> None:
    image = held.images.first()
    path = storage.default_storage.path(f"{image.file}.0123.part")
    with open(path, "wb") as part:  # noqa: PTH123 - as a storage would
        part.write(b"half")
    black_out(by=administrator, image=image, boxes=[BOX], scope="all", reason="patient")
    assert len(left()) == 3
    assert not storage.default_storage.exists(f"{image.file}.0123.part")


def test_open_case_is_not_blacked_out(held, administrator, client_of) -> None:
    release(by=administrator, case=held)
    before = stored_files()
    stale = Image.objects.select_related("case__cohort").get(case=held, position=0)
    stale.case.is_quarantined = True  # as it was when the page was opened
    with pytest.raises(NotInQuarantine):
        black_out(by=administrator, image=stale, boxes=[BOX], scope="all", reason="patient")
    answer = client_of(administrator).post(page_of(held), SAID | {"confirm": "yes"}, follow=True)
    assert "only while their case is in quarantine" in answer.content.decode()
    assert left() == before
    assert not AuditEvent.objects.filter(action="case.blacked_out").exists()


def test_two_at_once_black_out_one_after_the_other(held, administrator, monkeypatch) -> None:
    """The picture that was read is not there any more when it is to be overwritten."""
    image, real = held.images.first(), blackout._stored_without

    def overtaken(each: Image, boxes: list) -> str:
        monkeypatch.setattr(blackout, "_stored_without", real)
        black_out(
            by=administrator, image=held.images.first(), boxes=[(0, 0, 2, 2)], scope="one", reason="other"
        )
        return real(Image(file=held.images.first().file), boxes)

    monkeypatch.setattr(blackout, "_stored_without", overtaken)
    with pytest.raises(NotInQuarantine):
        black_out(by=administrator, image=image, boxes=[BOX], scope="one", reason="patient")
    assert held.images.first().deidentification["blacked_out"] == [[0, 0, 2, 2]]
    assert len(left()) == 3


def test_deleted_picture_of_the_case_is_left_out(held, administrator) -> None:
    target = target_of_picture(held, "1")
    assert target is not None
    delete(target, Why(DeletionReason.NAME_SHOWN, by=administrator))
    done = black_out(by=administrator, image=held.images.first(), boxes=[BOX], scope="all", reason="patient")
    assert (done.pictures, done.kept_elsewhere) == (2, 0)
    assert len(left()) == 2
    assert Image.objects.get(case=held, position=1).file == ""


def test_picture_that_is_erased_while_it_is_stored_anew_changes_nothing(
    held, administrator, monkeypatch
) -> None:
    """The cleaned picture waits to be removed, as of another case that had the same one."""
    image, real = held.images.first(), blackout._stored_without

    def erased(each: Image, boxes: list) -> str:
        name = real(each, boxes)
        remove_later([name])
        remove_waiting(100)
        return name

    monkeypatch.setattr(blackout, "_stored_without", erased)
    with pytest.raises(FileNotFoundError):
        black_out(by=administrator, image=image, boxes=[BOX], scope="one", reason="patient")
    assert held.images.first().file == image.file
    assert np.array_equal(pictures(held)[0], slice_pixels(7))


def test_unreadable_picture_changes_nothing(held, administrator, client_of) -> None:
    storage.discard(held.images.last().file)
    before = stored_files()
    answer = client_of(administrator).post(page_of(held), SAID | {"confirm": "yes"}, follow=True)
    assert "nothing was blacked out" in answer.content.decode()
    assert left() == before
    assert np.array_equal(pixels_of(held.images.first()), slice_pixels(7))


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"boxes": ""}, "Draw a rectangle around the text first."),
        ({"boxes": "1 2 3"}, "four whole numbers"),
        ({"boxes": "9 2 9 4"}, "Right is greater than left"),
        ({"boxes": "0 0 49 10"}, "beyond the picture of 48 by 40 pixels"),
        ({"boxes": "0 0 1 1\n" * 51}, "At most 50 rectangles at once. Received 51."),
        ({"reason": "Jane Doe"}, "Select a valid choice"),
        ({"scope": ""}, "Say in which pictures."),
    ],
)
def test_form_that_does_not_hold_is_shown_again(held, administrator, client_of, said, sentence) -> None:
    before = stored_files()
    answer = client_of(administrator).post(page_of(held), SAID | said | {"confirm": "yes"})
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert left() == before


def test_preview_turns_through_the_pictures_and_leads_back_to_drawing(held, administrator, client_of) -> None:
    client = client_of(administrator)
    turned = client.post(page_of(held), SAID | {"image": "0", "preview": "yes", "turn": "1"})
    assert [turned.context[name] for name in ("number", "count", "lines")] == [2, 3, "3 5 20 11"]
    back = client.post(page_of(held), SAID | {"image": "1", "preview": "yes", "draw": "yes"})
    assert back.context["form"]["boxes"].value() == "3 5 20 11"
    assert not back.context["boxes"]
    drawing = client.post(page_of(held), SAID | {"image": "0", "turn": "2"})
    assert (drawing.context["number"], drawing.context["boxes"]) == (3, [])
    assert drawing.context["form"]["scope"].value() == "all"


def test_nobody_but_the_cohorts_administrators_blacks_out(
    held, owner, colleague, stranger, client_of
) -> None:
    before = stored_files()
    for person in (owner, colleague, stranger):
        assert client_of(person).get(page_of(held)).status_code == 404
        assert client_of(person).post(page_of(held), SAID | {"confirm": "yes"}).status_code == 404
    Case.objects.update(is_quarantined=False)
    assert client_of(colleague).post(page_of(held), SAID | {"confirm": "yes"}).status_code == 403
    assert left() == before


def test_picture_in_quarantine_stays_in_no_browsers_cache(held, administrator, client_of) -> None:
    client = client_of(administrator)
    pages = [f"/cases/{held.code}/{name}" for name in ("base.png", "thumbnail.png", "base.nii.gz")]
    addresses = [*pages, f"/api/v1/cases/{held.code}/images/0/"]
    kept = [client.get(address)["Cache-Control"] for address in addresses]
    assert kept == ["no-store"] * 4
    Case.objects.update(is_quarantined=False)
    kept = [client.get(address)["Cache-Control"] for address in addresses]
    assert kept == ["private, no-cache"] * 4
