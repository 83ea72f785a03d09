"""A frozen baseline, what weeks behind it break, and the alerts of it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from celery import current_app
from django.core import mail
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cases.exchange.webhooks.hooks import create_webhook
from cases.governance import alerts, tasks
from cases.governance.drift import baseline_of, freeze, weeks_since
from cases.lifecycle import DriftRule
from cases.models import AuditEvent, DriftAlert, DriftBaseline

pytestmark = pytest.mark.both_databases

# Mondays; TODAY of the conftest lies in the week behind the last one.
FIRST, SECOND, THIRD, LAST, NOW = (date(2026, 4, 13) + timedelta(weeks=week) for week in range(5))


@pytest.fixture
def baseline(came_in, administrator, cohort, model_version) -> DriftBaseline:
    """100 cases of two weeks: 2 refused, 10 of 98 read as something else than the network said."""
    came_in(FIRST, 48, read="glioma")
    came_in(SECOND, 40, read="glioma")
    came_in(SECOND, 10, read="meningioma")
    came_in(SECOND, 2, result={"gate_verdict": "refused"})
    return freeze(
        by=administrator,
        cohort=cohort,
        version=model_version,
        since=FIRST,
        until=SECOND + timedelta(days=6),
        reason="Went as it should.",
    )


def weeks(baseline: DriftBaseline, rule: DriftRule) -> list[tuple[date, int, float | None, bool]]:
    return [
        (week.monday, week.n, week.value, week.is_out)
        for week in weeks_since(baseline, most=26).get(rule, [])
    ]


def test_baseline_holds_exact_counts_and_who_froze_it_and_why(baseline, administrator) -> None:
    counts = baseline.measured["counts"]
    assert counts["refused"] == {"no": 98, "yes": 2}
    assert counts["disagreement"] == {"yes": 10, "no": 88}
    assert counts["classes"] == {"glioma": 98}
    assert counts["size"] == {"1": 100}
    assert sum(counts["brightness"].values()) == sum(counts["distance"].values()) == 100
    assert len(baseline.measured["brightnesses"]) == 9
    assert (baseline.frozen_by, baseline.reason) == (administrator, "Went as it should.")
    event = AuditEvent.objects.get(action="drift.frozen")
    assert (event.details["since"], event.details["until"]) == ("2026-04-13", "2026-04-26")


def test_week_like_the_baseline_raises_nothing(baseline, came_in) -> None:
    came_in(THIRD, 36, read="glioma")
    came_in(THIRD, 4, read="meningioma")
    assert weeks(baseline, DriftRule.DISAGREEMENT) == [(THIRD, 40, 0.1, False)]
    assert weeks(baseline, DriftRule.REFUSED) == [(THIRD, 40, 0.0, False)]
    assert alerts.raise_alerts() == []


def test_each_rule_is_broken_by_what_it_looks_at_and_by_nothing_else(baseline, came_in) -> None:
    came_in(THIRD, 25, read="glioma", result={"predicted_class": "glioma"})
    came_in(THIRD, 15, read="meningioma")
    came_in(LAST, 40, image={"width": 900, "brightness": 0.9}, result={"gate_distance": 0.1})
    came_in(LAST, 9, result={"gate_verdict": "refused", "gate_distance": 0.1}, image={"brightness": 0.9})
    raised = {(alert.rule, alert.week) for alert in alerts.raise_alerts()}
    assert raised == {
        ("disagreement", THIRD),
        ("refused", LAST),
        ("distance", LAST),
        ("brightness", LAST),
        ("size", LAST),
    }
    alert = DriftAlert.objects.get(rule="disagreement")
    assert (alert.value, alert.n, alert.baseline) == (0.375, 40, baseline)
    assert alert.high < 0.375


def test_mix_of_classes_that_moved_is_an_alert(baseline, came_in) -> None:
    came_in(THIRD, 20)
    came_in(THIRD, 20, result={"predicted_class": "notumor"})
    (alert,) = alerts.raise_alerts()
    assert (alert.rule, round(alert.value, 3)) == ("classes", 2.615)


def test_few_cases_are_not_judged_though_all_of_them_differ(baseline, came_in) -> None:
    came_in(THIRD, 29, read="meningioma", result={"predicted_class": "notumor"})
    assert weeks(baseline, DriftRule.DISAGREEMENT) == [(THIRD, 29, 1.0, False)]
    assert alerts.raise_alerts() == []


def test_running_week_the_baseline_itself_and_another_network_are_not_judged(
    baseline, came_in, newer_version
) -> None:
    came_in(NOW, 40, result={"predicted_class": "notumor"})
    came_in(THIRD, 40, version=newer_version, result={"predicted_class": "notumor"})
    assert weeks(baseline, DriftRule.CLASSES) == []


def test_alert_is_raised_once_told_to_webhooks_and_mailed_to_administrators(
    baseline, came_in, cohort, administrator, django_capture_on_commit_callbacks, monkeypatch
) -> None:
    asked = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args: asked.append((name, args)))
    hook = create_webhook(
        by=administrator, cohort=cohort, url="https://hooks.example.org/", events=["drift.alert"]
    )
    came_in(LAST, 40, read="meningioma")
    with django_capture_on_commit_callbacks(execute=True):
        (alert,) = alerts.raise_alerts()
    assert alerts.raise_alerts() == []
    (delivery,) = hook.deliveries.all()
    assert delivery.event == "drift.alert"
    assert delivery.data == {
        "cohort": str(cohort.pk),
        "alert": str(alert.pk),
        "rule": "disagreement",
        "week": "2026-05-04",
    }
    assert mail.outbox == []  # by the worker that may reach a mail server
    ((task, (keys,)),) = asked
    assert current_app.amqp.router.route({}, task)["queue"].name == "sending"
    assert task == tasks.mail_drift_alerts.name
    tasks.mail_drift_alerts(keys)
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == ([administrator.email], "“North” drifts")
    assert "Readers and network differ, week from 2026-05-04" in sent.body
    assert AuditEvent.objects.get(action="drift.alert").actor is None


def test_newer_baseline_raises_no_week_again(baseline, came_in, administrator, model_version, cohort) -> None:
    came_in(LAST, 40, read="meningioma")
    assert len(alerts.raise_alerts()) == 1
    freeze(
        by=administrator,
        cohort=cohort,
        version=model_version,
        since=FIRST,
        until=SECOND + timedelta(days=6),
        reason="Again.",
    )
    assert alerts.raise_alerts() == []
    assert baseline_of(cohort).reason == "Again."


def test_closed_figures_keep_disagreement_shut(baseline, came_in, under_protocol) -> None:
    came_in(LAST, 40, read="meningioma")
    under_protocol("It is blinded.", reading="blinded")
    baseline.refresh_from_db()
    assert DriftRule.DISAGREEMENT not in weeks_since(baseline, most=26)
    assert alerts.raise_alerts() == []


def test_acknowledgement_takes_a_reason_and_counts_once(baseline, came_in, administrator, colleague) -> None:
    came_in(LAST, 40, read="meningioma")
    (alert,) = alerts.raise_alerts()
    with pytest.raises(PermissionDenied):
        alerts.acknowledge(by=colleague, alert=alert, reason="Looked.")
    with pytest.raises(ValidationError, match="Say what came"):
        alerts.acknowledge(by=administrator, alert=alert, reason="  ")
    alert.refresh_from_db()
    assert alert.acknowledged_at is None
    alerts.acknowledge(by=administrator, alert=alert, reason="A new scanner.")
    with pytest.raises(ValidationError, match="already"):
        alerts.acknowledge(by=administrator, alert=alert, reason="Again.")
    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.reason) == (administrator, "A new scanner.")
    assert AuditEvent.objects.get(action="drift.acknowledged").details == {"reason": "A new scanner."}


@pytest.mark.parametrize(
    ("since", "until", "reason", "said"),
    [
        (FIRST, SECOND, "", "Say why"),
        (SECOND, FIRST, "Why not.", "lies before"),
        (FIRST, NOW + timedelta(days=2), "Why not.", "that is over"),
        (FIRST - timedelta(weeks=2), FIRST - timedelta(weeks=1), "Why not.", "0 cases"),
    ],
)
def test_baseline_that_cannot_hold_is_refused(
    came_in, administrator, cohort, model_version, since, until, reason, said
) -> None:
    came_in(FIRST, 31)
    with pytest.raises(ValidationError, match=said):
        freeze(
            by=administrator, cohort=cohort, version=model_version, since=since, until=until, reason=reason
        )
    assert not DriftBaseline.objects.exists()


def test_number_of_queries_does_not_grow_with_weeks_or_cases(baseline, came_in) -> None:
    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            weeks_since(baseline, most=26)
        return len(queries)

    came_in(THIRD, 3, read="glioma")
    before = asked()
    came_in(LAST, 30, read="glioma")
    assert asked() == before <= 6
