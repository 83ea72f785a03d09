"""What beat starts of the governance."""

from __future__ import annotations

from celery import shared_task

from cases.governance import alerts, sentinel_worker


@shared_task
def raise_drift_alerts() -> None:
    """Hold the newest weeks against their baselines; called twice it raises nothing the second time."""
    alerts.raise_alerts()


@shared_task
def check_sentinels() -> None:
    """Have the active network answer the sentinels that it has not answered; called twice, nothing is
    analysed twice.
    """
    sentinel_worker.advance()


@shared_task(name=alerts.MAIL_TASK)
def mail_drift_alerts(keys: list[str]) -> None:
    """Tell the administrators of a cohort what was raised."""
    alerts.mail_alerts(keys)
