"""A worker that has lost its broker looks for it every few seconds, and for as long as it takes."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from kombu.utils import imports

from portal.celery import app
from portal.consumer import LONGEST_PAUSE_SECONDS, Consumer


class Connection:
    """Says how it is to be waited for."""

    def ensure_connection(self, errback: object, max_retries: object, **waiting: Any) -> dict[str, Any]:
        return waiting | {"max_retries": max_retries}


def test_worker_of_the_portal_is_this_one() -> None:
    assert imports.symbol_by_name(settings.CELERY_WORKER_CONSUMER) is Consumer


def test_pauses_are_short_and_have_no_end() -> None:
    listening = object.__new__(Consumer)
    listening.app = app
    listening.first_connection_attempt = False
    waiting = listening.ensure_connected(Connection())
    assert waiting.pop("callback")
    assert waiting == {
        "interval_start": 1,
        "interval_step": 1,
        "interval_max": LONGEST_PAUSE_SECONDS,
        "max_retries": None,
    }
