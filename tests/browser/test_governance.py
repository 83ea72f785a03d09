"""The pages of drift and of candidates in a browser: whole at each width, and usable."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from cases.export.snapshots.building import ask_for_snapshot, build_waiting
from cases.governance import alerts
from cases.governance.drift import freeze
from cases.models import Cohort, Image, Job, ModelVersion, Review, ShadowResult, TeachingRead
from portal.accounts.models import User
from tests.browser.signing_in import sign_in
from tests.browser.test_pages import look_at
from tests.cast import MANIFEST
from tests.support.weeks import take_in

pytestmark = [pytest.mark.django_db(transaction=True)]

FIRST = date(2026, 4, 13)
WEEK = timedelta(weeks=1)


@pytest.fixture
def drifted(cohort, owner, colleague, administrator, model_version, monkeypatch) -> Cohort:
    """A baseline of two weeks, two weeks like it, and one that differs in much."""
    monkeypatch.setattr(timezone, "localdate", lambda *_value: date(2026, 5, 20))
    monkeypatch.setattr(Review._meta.get_field("created_at"), "auto_now_add", False)
    known = {"ground_truth": "glioma"}

    def weeks(*places: int, n: int, **told) -> None:
        for place in places:
            take_in(
                cohort,
                by=owner,
                reader=colleague,
                version=model_version,
                day=FIRST + place * WEEK,
                n=n,
                case=known,
                **told,
            )

    weeks(0, 1, 2, 3, n=44, read="glioma")
    weeks(0, 1, 2, 3, n=4, read="meningioma")
    freeze(
        by=administrator,
        cohort=cohort,
        version=model_version,
        since=FIRST,
        until=FIRST + 2 * WEEK - timedelta(days=1),
        reason="Went as it should.",
    )
    bright = {"brightness": 0.9, "width": 600}
    weeks(4, n=20, read="glioma", image=bright)
    weeks(4, n=20, read="meningioma", image=bright)
    assert len(alerts.raise_alerts()) == 4
    return cohort


@pytest.fixture
def shadowed(drifted, administrator, model_version) -> ModelVersion:
    """A candidate that has said glioma of every case, and a snapshot of them."""
    candidate = ModelVersion.objects.create(
        name="test-cnn-9",
        weights_sha256="9" * 64,
        manifest=MANIFEST | {"id": "test-cnn-9"},
        is_candidate=True,
    )
    ask_for_snapshot(by=administrator, cohort=drifted)
    build_waiting()
    said = {"predicted_class": "glioma", "confidence": 0.9, "probabilities": {"glioma": 0.9}}
    images = Image.objects.filter(cohort=drifted)
    ShadowResult.objects.bulk_create(
        ShadowResult(image=image, model_version=candidate, maps_file="maps/none.npz", seconds=0.1, **said)
        for image in images
    )
    Job.objects.bulk_create(Job(image=image, model_version=candidate, status="succeeded") for image in images)
    return candidate


def test_alert_is_seen_and_answered(page: Page, live_server, drifted, administrator: User) -> None:
    sign_in(page, live_server, administrator)
    page.goto(f"{live_server.url}/dashboard/?cohort={drifted.pk}")
    page.get_by_role("link", name="See them").click()
    expect(page.get_by_role("heading", name="Drift", exact=True)).to_be_visible()
    look_at(page, live_server.url, f"/dashboard/drift/?cohort={drifted.pk}", "drift")
    row = page.get_by_role("row", name="Readers and network differ")
    row.get_by_text("Acknowledge").first.click()
    row.get_by_label("What came of it?").fill("A new scanner.")
    row.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_role("row", name="Readers and network differ")).to_contain_text("A new scanner.")


def test_candidate_is_held_against_its_bounds(
    page: Page, live_server, drifted, shadowed, administrator: User
) -> None:
    sign_in(page, live_server, administrator)
    page.goto(f"{live_server.url}/dashboard/networks/?cohort={drifted.pk}")
    page.locator("summary", has_text="State bounds").click()
    page.get_by_label("Least recall of Glioma, percent").fill("90")
    page.get_by_label("Why are these the right bounds?").fill("As the protocol says.")
    page.get_by_role("button", name="State bounds").click()
    page.get_by_role("button", name="Open the comparison").click()
    expect(page.get_by_text("Every bound is met.")).to_be_visible()
    look_at(page, live_server.url, page.url.removeprefix(live_server.url), "bounds")
    look_at(page, live_server.url, f"/dashboard/networks/?cohort={drifted.pk}", "networks")


@pytest.fixture
def term(submit, analyse_as, under_protocol, colleague, monkeypatch) -> None:
    """Five weeks of a trainee, who was right in three."""
    under_protocol(reading="teaching")
    monkeypatch.setattr(TeachingRead._meta.get_field("created_at"), "auto_now_add", False)
    for seed, said in enumerate(("glioma", "meningioma", "glioma", "pituitary", "glioma")):
        case = submit(seed=seed, ground_truth="glioma")
        analyse_as(case, "glioma")
        told = {"prediction": case.images.get().predictions.get(), "read_class": said, "confidence": 3}
        given = timezone.make_aware(datetime.combine(FIRST + seed * WEEK, time(12)))
        TeachingRead.objects.create(case=case, reader=colleague, created_at=given, **told)


def test_trainees_weeks_fit_every_screen(page: Page, live_server, term, cohort, administrator: User) -> None:
    sign_in(page, live_server, administrator)
    page.goto(f"{live_server.url}/dashboard/?cohort={cohort.pk}")
    page.get_by_role("link", name="Teaching results").click()
    expect(page.get_by_role("heading", name="Colleague")).to_be_visible()
    look_at(page, live_server.url, f"/dashboard/teaching/?cohort={cohort.pk}", "teaching-results")
