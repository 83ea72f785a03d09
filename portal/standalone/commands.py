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
        **os.environ,
        "ALLOWED_HOSTS": allowed_hosts(options),
        "CELERY_BROKER_URL": broker_url,
        "PYTHONUNBUFFERED": "1",
        "SECONDREAD_VAR": str(options.var),
    }


def processes(options: Options) -> dict[str, list[str]]:
    """Name to command. One web process with threads: SQLite has one writer."""
    return {
        "web": _python("gunicorn", "portal.wsgi:application", *_web(options)),
        "analysis": _worker("analysis", "--pool=prefork", "--concurrency=1"),
        "maintenance": _worker("maintenance", "--pool=threads", "--concurrency=1"),
        "beat": _python("celery", "--app=portal.celery", "beat", "--loglevel=INFO"),
    }


def _web(options: Options) -> list[str]:
    return [
        f"--bind={options.url.removeprefix('http://')}",
        "--worker-class=gthread",
        "--workers=1",
        "--threads=8",
        "--graceful-timeout=3",
        "--timeout=120",
        "--no-control-socket",
    ]


def _worker(queue: str, *pool: str) -> list[str]:
    node = f"--hostname={queue}@%h"
    quiet = ("--without-gossip", "--without-mingle", "--loglevel=INFO")
    return _python("celery", "--app=portal.celery", "worker", f"--queues={queue}", node, *pool, *quiet)


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]
