"""Figures for Prometheus: what they say, whom they are for, and that nobody's name is in them."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from cases.analysis import step_times
from cases.models import Job
from portal.accounts.models import Session
from portal.monitoring import state

MONITORING = Path(__file__).resolve().parents[3] / "docs" / "monitoring"


def figures(client: Client | None = None) -> dict[tuple[str, ...], float]:
    """Every sample by its name and its labels' values."""
    answer = (client or Client()).get("/health/metrics/")
    assert answer.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_request_is_counted_by_its_route_and_never_by_its_address(submit, client_of, owner) -> None:
    case = submit()
    route = ("secondread_requests_total", "GET", "/cases/<code:code>/", "200")
    before = figures().get(route, 0)
    client_of(owner).get(f"/cases/{case.code}/?find=Doe")
    after = Client().get("/health/metrics/").content.decode()
    assert figures()[route] == before + 1
    assert figures()["secondread_request_seconds_count", "/cases/<code:code>/"] >= 1
    for word in (case.code, "Doe", owner.email):
        assert word not in after


def test_address_of_nobody_and_word_that_is_no_method_are_one_label_each(db) -> None:
    browser = Client(raise_request_exception=False)
    before = figures().get(("secondread_requests_total", "OTHER", "(unknown)", "404"), 0)
    browser.generic("BREW", "/patients/Doe/")
    assert figures()["secondread_requests_total", "OTHER", "(unknown)", "404"] == before + 1


def test_jobs_are_told_by_state_age_and_error(submit, submit_many, fail_as) -> None:
    submit(seed=1)
    submit_many(2)
    fail_as(submit(seed=2))
    Job.objects.filter(status="queued").update(queued_at=timezone.now() - timedelta(minutes=2))
    found = figures()
    assert found["secondread_jobs", "queued"] == 3
    assert found["secondread_jobs", "running"] == 0
    assert found["secondread_jobs", "failed"] == 1
    assert found["secondread_jobs_failed", "broken"] == 1
    assert 120 <= found["secondread_job_oldest_seconds", "queued"] < 180
    assert found["secondread_job_oldest_seconds", "running"] == 0
    assert found["secondread_jobs_tried_again",] == 0


def test_newest_analyses_and_reviews_are_told(submit, analyse_as, review_as, colleague, monkeypatch) -> None:
    for seed, corrected in enumerate(("", "pituitary", "")):
        case = submit(seed=seed)
        analyse_as(case, "glioma", gate_verdict="accepted", gate_distance=1.0)
        review_as(colleague, case, corrected=corrected)
    found = figures()
    assert found["secondread_newest_analyses", "accepted"] == 3
    assert found["secondread_newest_analysis_seconds", "0.95"] == 0.05
    assert found["secondread_newest_reviews", "agree"] == 2
    assert found["secondread_newest_reviews", "disagree"] == 1
    monkeypatch.setattr(state, "NEWEST", 1)
    assert ("secondread_newest_reviews", "disagree") not in figures()


def test_study_whose_figures_are_closed_is_not_in_them(
    blinded, submit, analyse_as, commit_as, review_as, colleague
) -> None:
    read, _waiting = submit(), submit(seed=1)
    analyse_as(read)
    commit_as(colleague, read, "pituitary")
    review_as(colleague, read, corrected="pituitary")
    assert not [name for name, *_ in figures() if name == "secondread_newest_reviews"]


def test_workers_sessions_and_room_are_told(workers, client_of, owner) -> None:
    workers["maintenance"] = False
    client_of(owner)
    found = figures()
    assert found["secondread_workers_answer", "analysis"] == 1
    assert found["secondread_workers_answer", "maintenance"] == 0
    assert found["secondread_sessions",] == 1
    assert found["secondread_storage_free_bytes",] > 0
    Session.objects.update(seen_at=timezone.now() - timedelta(days=1))
    assert figures()["secondread_sessions",] == 0


def test_ready_says_that_no_worker_answers(db, workers, monkeypatch) -> None:
    monkeypatch.setattr("portal.monitoring.health._broker_answers", lambda: True)
    workers["analysis"] = False
    answer = Client().get("/health/ready/")
    assert (answer.status_code, answer.json()["analysis"]) == (200, "no_worker")


# Whom they are for


def test_whoever_is_not_named_finds_nothing_here(db, settings) -> None:
    assert Client(REMOTE_ADDR="192.0.2.7").get("/health/metrics/").status_code == 404
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    through = Client().get("/health/metrics/", headers={"X-Forwarded-For": "192.0.2.7"})
    assert through.status_code == 404


def test_token_opens_from_anywhere(db, settings) -> None:
    settings.METRICS_TOKEN = "a-token-of-the-operator"

    def asked(sent: str) -> int:
        browser = Client(REMOTE_ADDR="192.0.2.7")
        return browser.get("/health/metrics/", headers={"Authorization": sent}).status_code

    assert asked("Bearer a-token-of-the-operator") == 200
    assert [asked(sent) for sent in ("", "Bearer ", "Bearer ä", "Token a-token-of-the-operator")] == [404] * 4


@pytest.mark.parametrize("network", ["192.0.2.0/24", "192.0.2.7/32"])
def test_network_that_is_named_may_ask(db, settings, network) -> None:
    settings.METRICS_NETWORKS = [network]
    assert Client(REMOTE_ADDR="192.0.2.7").get("/health/metrics/").status_code == 200
    assert Client().get("/health/metrics/").status_code == 404


# What is made of them


def test_dashboard_and_alerts_ask_for_figures_that_there_are(
    submit, analyse_as, review_as, fail_as, colleague, monkeypatch
) -> None:
    case = submit()
    analyse_as(case, gate_verdict="accepted", gate_distance=1.0)
    review_as(colleague, case)
    fail_as(submit(seed=1))
    counted = step_times.Figures(counts=(1,) * (len(step_times.BOUNDS) + 1), seconds=1.0)
    monkeypatch.setattr(step_times, "read", lambda: {"network": counted})
    # A request that has been counted, by the time of the next.
    figures()
    there = {name for name, *_ in figures()}
    dashboard = json.loads((MONITORING / "dashboard.json").read_text("utf-8"))
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text("utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    assert len(asked) > 20
    assert {name for text in asked for name in re.findall(r"secondread_\w+", text)} <= there
