"""A copy that was altered on its way to a second cohort is the same picture, and opens nothing."""

from __future__ import annotations

import io

import numpy as np
import pytest
from django.core.files.base import ContentFile
from PIL import Image as PillowImage

from cases import disclosures, storage
from cases.analysis.results import current_result
from cases.blinding import may_see_results
from cases.disclosures import Seen
from cases.intake.uploads import submit_file, submit_series
from cases.models import Case, Disclosure, Image, LikenessPiece, Membership
from tests.cast import make_png_bytes
from tests.inference.images import head

pytestmark = pytest.mark.both_databases


def png(pixels) -> ContentFile:
    stream = io.BytesIO()
    PillowImage.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG")
    return ContentFile(stream.getvalue())


def altered(case: Case, **options) -> ContentFile:
    """The case's picture as its page gives it: cropped, smaller, brighter, mirrored, and saved as JPEG."""
    with PillowImage.open(io.BytesIO(storage.load(case.images.get().file))) as picture:
        width, height = picture.size
        cut = picture.crop((3, 3, width - 3, height - 3)).resize((150, 150))
    pixels = np.clip(np.asarray(cut)[:, ::-1] * 1.08 + 5, 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    PillowImage.fromarray(pixels).save(stream, "JPEG", quality=60, **options)
    return ContentFile(stream.getvalue())


@pytest.fixture
def blinded_case(blinded, owner, model_version, analyse_as) -> Case:
    case = submit_file(by=owner, cohort=blinded, file=png(head(3))).case
    assert case is not None
    analyse_as(case)
    return case


@pytest.fixture
def sender(make_person, other_cohort):
    return make_person("sender", other_cohort, "technologist")


@pytest.fixture
def twin(blinded_case, colleague, sender, other_cohort, analyse_as) -> Case:
    Membership.objects.create(user=colleague, cohort=other_cohort, role="radiologist")
    case = submit_file(by=sender, cohort=other_cohort, file=altered(blinded_case)).case
    assert case is not None
    analyse_as(case)
    return case


def test_altered_copy_in_another_cohort_tells_nothing_before_the_commit(
    twin, blinded_case, colleague, stranger, client_of, commit_as
) -> None:
    assert twin.images.get().file != blinded_case.images.get().file
    page = client_of(colleague).get(f"/cases/{twin.code}/").content.decode()
    assert "waits in another cohort for your own read" in page
    assert not may_see_results(colleague, twin)
    assert may_see_results(stranger, twin)
    assert commit_as(colleague, blinded_case).is_blind
    assert may_see_results(colleague, twin)


def test_another_picture_is_another_one(twin, sender, other_cohort, analyse_as, colleague) -> None:
    case = submit_file(by=sender, cohort=other_cohort, file=png(head(4))).case
    analyse_as(case)
    assert may_see_results(colleague, case)
    assert case.images.get().picture != twin.images.get().picture


def test_two_pictures_that_a_third_is_a_copy_of_become_one(
    blinded_case, sender, other_cohort, model_version
) -> None:
    first = blinded_case.images.get()
    # As if this copy had not been recognised.
    second = submit_file(by=sender, cohort=other_cohort, file=altered(blinded_case)).case.images.get()
    Image.objects.filter(pk=second.pk).update(picture="00000000-0000-4000-8000-000000000001")
    again = altered(blinded_case, optimize=True, progressive=True)
    third = submit_file(by=sender, cohort=other_cohort, file=again).case.images.get()
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.picture == second.picture == third.picture


def test_equal_pictures_that_show_nothing_are_the_same_by_their_pixels(
    cohort, owner, sender, other_cohort, model_version
) -> None:
    black = np.zeros((40, 40), np.uint8)
    for person, into, options in ((owner, cohort, {}), (sender, other_cohort, {"compress_level": 1})):
        stream = io.BytesIO()
        PillowImage.fromarray(black).save(stream, "PNG", **options)
        assert submit_file(by=person, cohort=into, file=ContentFile(stream.getvalue())).case
    one, other = Image.objects.all()
    assert (one.likeness, other.likeness, one.picture) == ("", "", other.picture)
    assert not LikenessPiece.objects.exists()


def test_series_is_compared_in_few_queries(
    twin, owner, cohort, django_assert_max_num_queries, model_version
) -> None:
    files = [ContentFile(make_png_bytes(seed=seed)) for seed in range(6)]
    with django_assert_max_num_queries(35):
        receipts = submit_series(by=owner, cohort=cohort, files=files)
    assert len({receipt.case for receipt in receipts}) == 1
    assert LikenessPiece.objects.filter(image__case=receipts[0].case).count() == 6 * 12


def test_result_shown_of_a_copy_before_makes_the_read_unblinded(
    twin, blinded_case, colleague, cohort, client_of, commit_as
) -> None:
    Membership.objects.filter(user=colleague, cohort=cohort).delete()
    client = client_of(colleague)
    assert "What the network says" in client.get(f"/cases/{twin.code}/").content.decode()
    shown = Disclosure.objects.get(user=colleague, case=twin, kind="network").shown_at
    Membership.objects.create(user=colleague, cohort=cohort, role="radiologist")
    assert disclosures.seen_by(colleague, blinded_case) == Seen(network_at=shown)
    assert "shown to you before" in client.get(f"/cases/{blinded_case.code}/").content.decode()
    first = commit_as(colleague, blinded_case)
    assert (first.is_blind, first.seen_network_at) == (False, shown)


def test_known_class_shown_of_a_copy_in_teaching_makes_the_review_a_remark(
    twin, blinded_case, colleague, cohort, other_cohort, client_of, commit_as, review_as
) -> None:
    other_cohort.reading = "teaching"
    other_cohort.save()
    Case.objects.filter(pk=twin.pk).update(ground_truth="glioma")
    Membership.objects.filter(user=colleague, cohort=cohort).delete()
    answer = {"read_class": "pituitary", "confidence": "3"}
    assert client_of(colleague).post(f"/cases/teaching/{twin.code}/", answer, follow=True).status_code == 200
    assert set(Disclosure.objects.filter(user=colleague).values_list("kind", flat=True)) == {
        "network",
        "truth",
    }
    Membership.objects.create(user=colleague, cohort=cohort, role="radiologist")
    assert commit_as(colleague, blinded_case).seen_truth_at is not None
    assert review_as(colleague, blinded_case).is_remark
    assert Case.objects.get(pk=blinded_case.pk).state == "open"


def test_copy_within_the_same_cohort_is_read_for_itself(
    blinded_case, blinded, owner, colleague, analyse_as, commit_as, client_of
) -> None:
    case = submit_file(by=owner, cohort=blinded, file=altered(blinded_case)).case
    analyse_as(case)
    assert case.images.get().picture == blinded_case.images.get().picture
    commit_as(colleague, blinded_case)
    client_of(colleague).get(f"/cases/{blinded_case.code}/")
    assert current_result(colleague, blinded_case) is not None
    assert commit_as(colleague, case).is_blind


def test_slices_simulated_on_one_brain_are_no_copies_of_each_other(
    blinded, blinded_case, colleague, sender, other_cohort, analyse_as
) -> None:
    """The same file is the same picture all the same."""
    Membership.objects.create(user=colleague, cohort=other_cohort, role="radiologist")
    simulated = submit_file(by=blinded_case.created_by, cohort=blinded, file=png(head(4)), is_simulated=True)
    assert simulated.case is not None
    changed = submit_file(by=sender, cohort=other_cohort, file=altered(simulated.case)).case
    assert changed is not None
    analyse_as(changed)
    assert may_see_results(colleague, changed)
    same = submit_file(by=sender, cohort=other_cohort, file=png(head(4))).case
    assert same is not None
    analyse_as(same)
    assert not may_see_results(colleague, same)
