"""Alerts: raised once a rule and week, told to webhooks and by mail, answered with a reason."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from celery import current_app
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _t
from kombu.exceptions import OperationalError

from cases import audit, events
from cases.cohorts import administrators_of
from cases.governance.drift import weeks_since
from cases.lifecycle import DriftRule, HookEvent
from cases.mails import send_to_each
from cases.models import DriftAlert, DriftBaseline
from cases.models.statement import MAX_REASON
from cases.permissions import Action, require

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cases.governance.drift import Week
    from cases.models import SentinelCheck
    from portal.accounts.models import User

logger = logging.getLogger(__name__)
MAIL_TASK = "cases.governance.tasks.mail_drift_alerts"
# A result may come some time after its case: so many weeks are looked at again, and none before them.
WEEKS_LOOKED_AT = 5


def raise_alerts() -> list[DriftAlert]:
    """Raise what the newest weeks of each baseline that holds broke, and was not raised yet."""
    same = DriftBaseline.objects.filter(cohort=OuterRef("cohort")).order_by("-frozen_at", "-pk")
    holding = DriftBaseline.objects.filter(pk=Subquery(same.values("pk")[:1]))
    raised = []
    for baseline in holding.select_related("cohort", "version"):
        raised += _raise(baseline)
    return raised


def _raise(baseline: DriftBaseline) -> list[DriftAlert]:
    found = weeks_since(baseline, most=WEEKS_LOOKED_AT)
    broken = [(rule, week) for rule, weeks in found.items() for week in weeks if week.is_out]
    with transaction.atomic():
        made = [_raise_one(baseline, rule, week) for rule, week in broken]
        raised = [alert for alert in made if alert]
        if raised:
            transaction.on_commit(partial(_have_mailed, raised), robust=True)
    return raised


def _raise_one(baseline: DriftBaseline, rule: DriftRule, week: Week) -> DriftAlert | None:
    """None where it was raised before, perhaps against an earlier baseline."""
    measured = {"value": week.value, "low": week.low, "high": week.high, "n": week.n}
    alert, is_new = DriftAlert.objects.get_or_create(
        cohort=baseline.cohort, rule=rule, week=week.monday, defaults={"baseline": baseline, **measured}
    )
    if not is_new:
        return None
    _announce(alert)
    return alert


def raise_for_sentinels(check: SentinelCheck, *, lost: int, n: int) -> DriftAlert | None:
    """Raise that `lost` of the `n` sentinels that networks before got right are wrong now. None where it was
    raised before. Call it inside the transaction of the act.
    """
    day = timezone.localdate(check.started_at)
    measured = {"value": lost / n, "low": 0.0, "high": 0.0, "n": n}
    alert, is_new = DriftAlert.objects.get_or_create(
        sentinel_check=check,
        defaults={
            "cohort": check.cohort,
            "rule": DriftRule.SENTINEL,
            "week": day - timedelta(days=day.weekday()),
            **measured,
        },
    )
    if not is_new:
        return None
    _announce(alert)
    transaction.on_commit(partial(_have_mailed, [alert]), robust=True)
    return alert


def _announce(alert: DriftAlert) -> None:
    """Write it down and tell webhooks; no case is named."""
    told = {"rule": str(alert.rule), "week": alert.week.isoformat()}
    measured = {"value": alert.value, "low": alert.low, "high": alert.high, "n": alert.n}
    audit.record(by=None, action="drift.alert", subject=alert, cohort=alert.cohort, **told, **measured)
    events.tell(HookEvent.DRIFT_ALERT, cohort_id=alert.cohort_id, alert=str(alert.pk), **told)


def _have_mailed(raised: Iterable[DriftAlert]) -> None:
    """Whoever raises alerts has no way out to a mail server; the worker of the queue “sending” has."""
    try:
        current_app.send_task(MAIL_TASK, args=[[str(alert.pk) for alert in raised]])
    except OperationalError:
        logger.warning("The broker cannot be reached; an alert of drift is not told by mail.")


def mail_alerts(keys: Sequence[str]) -> None:
    """Tell the administrators of alerts that one baseline raised, or one check of the sentinels."""
    found = DriftAlert.objects.filter(pk__in=keys).select_related(
        "cohort", "baseline__version", "sentinel_check__version"
    )
    alerts = list(found.order_by("week", "rule"))
    if not alerts:
        return
    if alerts[0].sentinel_check_id:
        _mail_of_sentinels(alerts[0])
        return
    cohort = alerts[0].cohort
    send_to_each(
        administrators_of(cohort),
        subject=lambda: _t("“%(cohort)s” drifts") % {"cohort": cohort.name},
        template="governance/mail/drift.txt",
        told={"cohort": cohort, "alerts": alerts, "network": alerts[0].version.name},
    )


def _mail_of_sentinels(alert: DriftAlert) -> None:
    told = {"cohort": alert.cohort, "network": alert.version.name, "n": alert.n}
    send_to_each(
        administrators_of(alert.cohort),
        subject=lambda: _t("Sentinels of “%(cohort)s” are answered wrongly") % {"cohort": alert.cohort.name},
        template="governance/mail/sentinels.txt",
        told=told | {"lost": round(alert.value * alert.n)},
    )


def acknowledge(*, by: User, alert: DriftAlert, reason: str) -> None:
    """Say what came of an alert. Raises ValidationError without a reason, or where somebody has said it."""
    require(by, Action.MANAGE, alert.cohort)
    said = reason.strip()[:MAX_REASON]
    if not said:
        raise ValidationError(_t("Say what came of the alert."))
    with transaction.atomic():
        waiting = DriftAlert.objects.filter(pk=alert.pk, acknowledged_at__isnull=True)
        if waiting.update(acknowledged_by=by, acknowledged_at=timezone.now(), reason=said) != 1:
            raise ValidationError(_t("This alert is acknowledged already; look at it again."))
        audit.record(by=by, action="drift.acknowledged", subject=alert, cohort=alert.cohort, reason=said)
