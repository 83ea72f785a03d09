"""The same pixels in a second cohort open nothing that a blinded one keeps shut."""

from __future__ import annotations

import io

import pytest
from django.core.files.base import ContentFile
from PIL import Image as PillowImage

from cases import storage
from cases.analysis.results import current_result
from cases.blinding import may_see_results
from cases.intake.uploads import submit_file
from cases.models import Case, Disclosure, Membership
from cases.teaching.queries import teaching_cases

pytestmark = pytest.mark.both_databases


@pytest.fixture
def twin(blinded, ready_case, colleague, other_cohort, analyse_as) -> Case:
    """The blinded case's picture as its page gives it, saved again by its reader and uploaded elsewhere."""
    Membership.objects.create(user=colleague, cohort=other_cohort, role="radiologist")
    again = io.BytesIO()
    with PillowImage.open(io.BytesIO(storage.load(ready_case.images.get().file))) as picture:
        picture.save(again, "PNG", compress_level=1)
    receipt = submit_file(by=colleague, cohort=other_cohort, file=ContentFile(again.getvalue()))
    case = receipt.case
    assert case is not None
    assert case.images.get().source_sha256 != ready_case.images.get().source_sha256
    analyse_as(case)
    return case


def test_blinded_picture_uploaded_to_another_cohort_tells_nothing_before_the_commit(
    twin, ready_case, colleague, client_of, api_of, commit_as
) -> None:
    client, script = client_of(colleague), api_of(colleague)
    found = twin.images.get().predictions.get()
    heat_map = f"/cases/{twin.code}/maps/{found.pk}/conv_1/glioma.png"
    page = client.get(f"/cases/{twin.code}/").content.decode()
    assert "waits in another cohort for your own read" in page
    assert str(found.pk) not in page
    assert client.get(heat_map).status_code == 404
    assert script.get(f"/api/v1/cases/{twin.code}/").json()["prediction"] is None
    assert 'data-class="glioma"' not in client.get("/cases/").content.decode()
    assert not Disclosure.objects.exists()
    assert commit_as(colleague, ready_case).is_blind
    assert current_result(colleague, twin) == found
    assert client.get(heat_map).status_code == 200


def test_administrator_of_the_second_cohort_who_reads_the_first_is_held_back_too(
    twin, colleague, stranger
) -> None:
    Membership.objects.filter(user=colleague, cohort=twin.cohort).update(role="administrator")
    assert not may_see_results(colleague, twin)
    assert may_see_results(stranger, twin)


def test_case_that_others_have_read_holds_nothing_back(
    twin, ready_case, colleague, second, commit_as, review_as
) -> None:
    commit_as(second, ready_case)
    review_as(second, ready_case)
    assert may_see_results(colleague, twin)


def test_teaching_cohort_does_not_draw_what_waits_to_be_read_blind(
    twin, ready_case, colleague, other_cohort, commit_as
) -> None:
    other_cohort.reading = "teaching"
    other_cohort.save()
    Case.objects.filter(pk=twin.pk).update(ground_truth="glioma")
    assert not teaching_cases(colleague).exists()
    commit_as(colleague, ready_case)
    assert list(teaching_cases(colleague)) == [twin]


def test_another_picture_is_not_held_back(twin, submit, analyse_as, colleague, other_cohort) -> None:
    case = submit(seed=9)
    analyse_as(case)
    Case.objects.filter(pk=case.pk).update(cohort=other_cohort)
    case.images.update(cohort=other_cohort)
    assert may_see_results(colleague, case)


def test_protocol_page_says_what_is_and_what_is_not_prevented(blinded, administrator, client_of) -> None:
    page = client_of(administrator).get("/dashboard/protocol/").content.decode()
    assert "It is recognised by what it shows" in page
    assert "Not recognised:" in page
    assert "or of the same picture in another cohort, reads it as not blinded" in page
