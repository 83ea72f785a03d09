"""Drift and candidates over REST: what is there is read, and nothing else can be done."""

from __future__ import annotations

from datetime import date

import pytest

from cases.models import AcceptanceBounds, DriftAlert, DriftBaseline, ModelDecision, ModelVersion, Snapshot
from tests.cast import MANIFEST

pytestmark = pytest.mark.django_db


@pytest.fixture
def address(cohort):
    return lambda name: f"/api/v1/cohorts/{cohort.pk}/{name}/"


def test_drift_has_its_baseline_and_alerts(address, cohort, administrator, model_version, api_of) -> None:
    script = api_of(administrator)
    assert script.get(address("drift")).json() == {"baseline": None, "alerts": []}
    baseline = DriftBaseline.objects.create(
        cohort=cohort,
        version=model_version,
        since=date(2026, 4, 1),
        until=date(2026, 4, 30),
        measured={"counts": {}},
        reason="Went as it should.",
        frozen_by=administrator,
    )
    week = date(2026, 5, 4)
    DriftAlert.objects.create(
        cohort=cohort, baseline=baseline, rule="size", week=week, value=0.5, low=0, high=0.25, n=40
    )
    told = script.get(address("drift")).json()
    assert (told["baseline"]["model_version"], told["baseline"]["until"]) == ("test-cnn-1", "2026-04-30")
    (alert,) = told["alerts"]
    assert (alert["rule"], alert["week"], alert["value"], alert["acknowledged_at"]) == (
        *("size", "2026-05-04", 0.5),
        None,
    )


def test_acceptances_tell_figures_once_they_are_decided_on(
    address, cohort, administrator, model_version, api_of
) -> None:
    candidate = ModelVersion.objects.create(
        name="candidate", weights_sha256="3" * 64, manifest=MANIFEST | {"id": "candidate"}, is_candidate=True
    )
    bounds = AcceptanceBounds.objects.create(
        cohort=cohort,
        candidate=candidate,
        against=model_version,
        snapshot=Snapshot.objects.create(cohort=cohort, created_by=administrator),
        standard="known",
        margin=0.05,
        least_recall={"glioma": 0.9},
        least_n=30,
        reason="As the protocol says.",
        stated_by=administrator,
    )
    script = api_of(administrator)
    (told,) = script.get(address("acceptances")).json()
    assert (told["candidate"], told["against"], told["margin"]) == ("candidate", "test-cnn-1", 0.05)
    assert (told["least_recall"], told["decision"]) == ({"glioma": 0.9}, None)
    ModelDecision.objects.create(
        bounds=bounds,
        is_promoted=False,
        reason="Recall is low.",
        figures={"verdict": "not_met"},
        decided_by=administrator,
    )
    (told,) = script.get(address("acceptances")).json()
    assert (told["decision"]["promoted"], told["decision"]["figures"]) == (False, {"verdict": "not_met"})


@pytest.mark.parametrize("name", ["drift", "acceptances"])
def test_only_administrators_read_it(address, colleague, stranger, api_of, name) -> None:
    assert api_of(colleague).get(address(name)).status_code == 403
    assert api_of(stranger).get(address(name)).status_code == 404
    assert api_of(colleague).post(address(name)).status_code == 405
