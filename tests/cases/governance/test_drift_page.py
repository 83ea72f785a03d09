"""The page of drift: who sees it, what it freezes, what it answers, and its files."""

from __future__ import annotations

import uuid
from datetime import date, timedelta

import pytest

from cases.governance import alerts
from cases.models import DriftAlert, DriftBaseline

PAGE = "/dashboard/drift/"
FIRST, THIRD = date(2026, 4, 13), date(2026, 4, 27)


@pytest.fixture
def freeze_by(client_of, cohort, model_version):
    """Post the form that freezes a baseline of two weeks."""

    def post(user, **changes):
        given = {
            "cohort": cohort.pk,
            "version": model_version.pk,
            "since": FIRST.isoformat(),
            "until": (THIRD - timedelta(days=1)).isoformat(),
            "reason": "Went as it should.",
        }
        return client_of(user).post(f"{PAGE}freeze/", given | changes)

    return post


@pytest.fixture
def drifted(came_in, administrator, freeze_by) -> DriftAlert:
    came_in(FIRST, 90, read="glioma")
    came_in(FIRST, 10, read="meningioma")
    assert freeze_by(administrator).status_code == 302
    came_in(THIRD, 40, read="meningioma")
    (alert,) = alerts.raise_alerts()
    return alert


def test_page_shows_baseline_alert_and_cards(
    drifted, administrator, client_of, cohort, model_version
) -> None:
    page = client_of(administrator).get(f"{PAGE}?cohort={cohort.pk}").content.decode()
    assert f"{model_version.name}, cases and reads from 2026-04-13 to 2026-04-26" in page
    assert "1.000, outside of 0.000 to 0.325; n = 40 (test-cnn-1)" in page
    assert "In the baseline: 10.0 % · 10 of 100." in page
    assert "Outside of the limits lie the weeks from 2026-04-27." in page
    for heading in ("disagreement", "refused", "classes", "distance", "brightness", "size"):
        assert f'<h2 id="{heading}">' in page


def test_disagreement_goes_from_a_kept_page_as_the_figures_close(
    drifted, administrator, client_of, cohort, under_protocol, settings
) -> None:
    settings.EVIDENCE_KEEP_FROM = 0
    browser, heading = client_of(administrator), '<h2 id="disagreement">'
    assert heading in browser.get(f"{PAGE}?cohort={cohort.pk}").content.decode()
    under_protocol("It is blinded.", reading="blinded")
    page = browser.get(f"{PAGE}?cohort={cohort.pk}").content.decode()
    assert '<h2 id="classes">' in page
    assert heading not in page


@pytest.mark.parametrize("address", ["/dashboard/", "/dashboard/evidence/"])
def test_open_alert_stands_on_the_pages_of_the_study_until_it_is_answered(
    drifted, administrator, client_of, address
) -> None:
    browser = client_of(administrator)
    assert "1 drift alert waits for an answer." in browser.get(address).content.decode()
    answer = browser.post(f"{PAGE}alerts/{drifted.pk}/", {"reason": "A new scanner."}, follow=True)
    assert "The alert is acknowledged" in answer.content.decode()
    assert "A new scanner." in answer.content.decode()
    assert "waits for an answer" not in browser.get(address).content.decode()


def test_alert_of_another_cohort_is_not_there_and_a_reader_may_not_answer(
    drifted, colleague, stranger, client_of
) -> None:
    address = f"{PAGE}alerts/{drifted.pk}/"
    assert client_of(colleague).post(address, {"reason": "So."}).status_code == 403
    assert client_of(stranger).post(address, {"reason": "So."}).status_code == 404
    assert client_of(colleague).post(f"{PAGE}alerts/{uuid.UUID(int=1)}/").status_code == 404
    drifted.refresh_from_db()
    assert drifted.acknowledged_at is None


def test_answer_without_a_reason_is_asked_again(drifted, administrator, client_of) -> None:
    answer = client_of(administrator).post(f"{PAGE}alerts/{drifted.pk}/", {"reason": " "}, follow=True)
    assert "Say what came of the alert." in answer.content.decode()


def test_bad_baseline_keeps_what_was_typed_and_says_what_is_wrong(
    came_in, administrator, freeze_by, colleague
) -> None:
    came_in(FIRST, 40)
    answer = freeze_by(administrator, reason="", until="2026-05-30")
    assert answer.status_code == 422
    assert "Say why this period is the baseline." in answer.content.decode()
    answer = freeze_by(administrator, until="2026-05-30")
    assert "Choose a last day that is over" in answer.content.decode()
    assert freeze_by(colleague).status_code == 403
    assert not DriftBaseline.objects.exists()


def test_files_hold_the_card(drifted, administrator, colleague, client_of, cohort) -> None:
    browser = client_of(administrator)
    table = browser.get(f"{PAGE}disagreement.csv?cohort={cohort.pk}").content.decode().splitlines()
    assert table[0] == "week_from,value,n,limits,judged"
    assert table[1] == "2026-04-27,1.0,40,0.0 to 32.5 %,outside"
    assert browser.get(f"{PAGE}size.svg?cohort={cohort.pk}")["Content-Type"] == "image/svg+xml"
    assert browser.get(f"{PAGE}none.csv?cohort={cohort.pk}").status_code == 404
    assert client_of(colleague).get(f"{PAGE}size.csv?cohort={cohort.pk}").status_code == 403


def test_page_without_a_baseline_offers_to_freeze_one(administrator, client_of) -> None:
    page = client_of(administrator).get(PAGE).content.decode()
    assert "There is none yet" in page
    assert "None. Weeks that are over" in page
