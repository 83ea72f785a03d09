"""Two questions that a container engine asks: are you alive, and can you work?"""

from __future__ import annotations

from celery import current_app
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

from cases.analysis import jobs
from portal.monitoring import state

# Less is left for a few uploads at the most, and then nothing can be stored any more.
LEAST_FREE_BYTES = 200 * 2**20


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 when database and broker answer and pictures can be stored; 503, and what is wrong, otherwise.

    `analysis` says whether jobs wait because no worker answers, or none can use their network. Pages work all
    the same.
    """
    checks = {"database": _database_answers(), "broker": _broker_answers(), "disk": _disk_has_room()}
    healthy = all(checks.values())
    return JsonResponse(
        {
            "status": "ok" if healthy else "unavailable",
            "checks": {name: "ok" if good else "unavailable" for name, good in checks.items()},
            "analysis": _analysis() if healthy else "unknown",
        },
        status=200 if healthy else 503,
    )


def _analysis() -> str:
    if jobs.are_waiting_for_a_network():
        return "waits_for_network"
    return "ok" if state.answering_workers()["analysis"] else "no_worker"


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return False
    return True


def _broker_answers() -> bool:
    try:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=3)
    except (OperationalError, OSError):
        return False
    return True


def _disk_has_room() -> bool:
    """Whether pictures and heat maps can still be stored; a bucket elsewhere is not asked."""
    if not isinstance(default_storage, FileSystemStorage):
        return True
    try:
        return state.free_bytes() >= LEAST_FREE_BYTES
    except OSError:
        return False
