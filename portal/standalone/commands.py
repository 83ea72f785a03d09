"""The command of each process, and the environment that all of them share."""

from __future__ import annotations

import os
import sys

from portal.standalone.options import Options, allowed_hosts

# The workers that must answer before the portal is ready, by their Celery node names.
WORKERS = frozenset({"analysis", "maintenance"})


def environment(options: Options, broker_url: str) -> dict[str, str]:
    """The environment of the supervisor, completed by what the standalone portal decides."""
    return {
        "DJANGO_SETTINGS_MODULE": "portal.settings.base",
        # Nothing but noise on a machine without a GPU.
        "TF_CPP_MIN_LOG_LEVEL": "2",
        # Each thread would keep freed memory of its own: 13 MB of 168 in the web process, after 180 pages.
        "MALLOC_ARENA_MAX": "2",
        **os.environ,
        "ALLOWED_HOSTS": allowed_hosts(options),
        "CELERY_BROKER_URL": broker_url,
        "CELERY_CUSTOM_WORKER_POOL": "portal.standalone.pool:TaskPool",
        "PYTHONUNBUFFERED": "1",
        "SECONDREAD_VAR": str(options.var),
        # /tmp is memory on many systems, and who is killed leaves there what nobody looks for.
        "TMPDIR": str(options.scratch),
    }


def processes(options: Options) -> dict[str, list[str]]:
    """Name to command: each of them one process, none of which only waits for another."""
    return {
        "web": _python("portal.standalone.webserver", options.host, str(options.port)),
        "analysis": _python("celery", "--app=portal.celery", "worker", *_worker("analysis", "custom")),
        "maintenance": _python("portal.standalone.maintenance", *_worker("maintenance", "threads", 6)),
    }


def _worker(queue: str, pool: str, at_once: int = 1) -> list[str]:
    """at_once: neither a snapshot that is written nor an archive that does not answer must keep the sweep
    waiting.
    """
    queues = f"{queue},sending" if queue == "maintenance" else queue
    return [
        f"--queues={queues}",
        f"--hostname={queue}@%h",
        f"--pool={pool}",
        f"--concurrency={at_once}",
        "--without-gossip",
        "--without-mingle",
        "--loglevel=INFO",
    ]


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]
