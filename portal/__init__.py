"""The composition root: settings, URLs, the Celery app, accounts, dashboard and health."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
