"""The page on which a study administrator has a cohort analysed again."""

import pytest

from cases.models import AuditEvent, Job
from tests.cast import UNKNOWN_ID

PAGE = "/dashboard/reanalyse/"


@pytest.fixture
def stale(ready_case, newer_version, cohort):
    """A cohort whose one image the active version has not analysed."""
    return cohort


def answer(cohort, version) -> dict[str, str]:
    return {"cohort": str(cohort.pk), "version": str(version.pk)}


def nothing_changed() -> bool:
    return Job.objects.count() == 1 and not AuditEvent.objects.filter(action="cohort.reanalysed").exists()


def test_dashboard_leads_to_the_question_and_the_answer_queues(
    stale, newer_version, administrator, client_of
) -> None:
    client = client_of(administrator)
    dashboard = client.get("/dashboard/").content.decode()
    assert f'href="{PAGE}?cohort={stale.pk}"' in dashboard
    assert "1 image has no result of test-cnn-2" in dashboard
    question = client.get(PAGE, {"cohort": stale.pk}).content.decode()
    assert "A reviewed case stays reviewed." in question
    assert "Queue 1 image" in question
    assert nothing_changed()
    response = client.post(PAGE, answer(stale, newer_version), follow=True)
    assert "1 image is queued for test-cnn-2." in response.content.decode()
    assert Job.objects.filter(model_version=newer_version, status="queued").count() == 1
    assert f"{PAGE}?cohort" not in response.content.decode()
    again = client.post(PAGE, answer(stale, newer_version), follow=True)
    assert "Nothing to queue" in again.content.decode()
    assert Job.objects.count() == 2


def test_answer_to_a_question_about_another_version_is_asked_again(
    stale, model_version, administrator, client_of
) -> None:
    response = client_of(administrator).post(PAGE, answer(stale, model_version))
    assert "Another version has become active meanwhile." in response.content.decode()
    assert nothing_changed()


@pytest.mark.parametrize(
    ("who", "status"), [("owner", 403), ("colleague", 403), ("exporter", 403), ("stranger", 403)]
)
def test_others_are_refused_and_change_nothing(who, status, stale, newer_version, request, client_of) -> None:
    client = client_of(request.getfixturevalue(who))
    assert client.get(PAGE, {"cohort": stale.pk}).status_code == status
    assert client.post(PAGE, answer(stale, newer_version)).status_code == status
    assert nothing_changed()


def test_cohort_of_others_is_not_found(stale, other_cohort, newer_version, administrator, client_of) -> None:
    client = client_of(administrator)
    assert client.get(PAGE, {"cohort": other_cohort.pk}).status_code == 404
    assert client.post(PAGE, answer(other_cohort, newer_version)).status_code == 404


@pytest.mark.parametrize("wanted", ["", "nonsense", UNKNOWN_ID])
def test_unknown_cohort_is_not_found(wanted, stale, administrator, client_of) -> None:
    client = client_of(administrator)
    assert client.get(PAGE, {"cohort": wanted}).status_code == 404
    assert client.post(PAGE, {"cohort": wanted}).status_code == 404
    assert nothing_changed()


def test_visitor_is_led_to_the_sign_in(stale, newer_version, client) -> None:
    assert client.get(PAGE, {"cohort": stale.pk}).url.startswith("/accounts/sign-in/")
    assert client.post(PAGE, answer(stale, newer_version)).url.startswith("/accounts/sign-in/")
    assert nothing_changed()


def test_other_verbs_are_refused(stale, administrator, client_of) -> None:
    assert client_of(administrator).delete(f"{PAGE}?cohort={stale.pk}").status_code == 405
