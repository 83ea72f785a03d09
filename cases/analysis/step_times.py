"""How long a job takes, step by step: added up in the broker, where the web process reads it for Prometheus.

A worker has no address that anybody could ask, and nothing of this is worth a row: what a broker that was
emptied forgets begins again at nothing, as every counter of Prometheus may.
"""

from __future__ import annotations

import logging
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from celery import current_app
from django.dispatch import Signal
from kombu.exceptions import OperationalError
from kombu.pools import connections
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

STEPS = ("decode", "tensor", "network", "maps", "store", "database")
# From a row that is changed to a network that needs gradients.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
KEY = "secondread:job-steps"
_SUM = "sum"

# Sent with `seconds`, by step, of a job that has a result.
measured = Signal()


@dataclass
class Attempt:
    """What it took. is_over: whether it came to a result; of others nothing is told."""

    seconds: dict[str, float] = field(default_factory=dict)
    is_over: bool = False


@dataclass(frozen=True)
class Figures:
    """One step of all jobs: how many took up to each of BOUNDS, and longer; all their seconds."""

    counts: tuple[int, ...]
    seconds: float


_at_work: ContextVar[Attempt | None] = ContextVar("job_at_work", default=None)


@contextmanager
def of_a_job() -> Iterator[Attempt]:
    """Within, steps are timed; at the end they are told, if the job is over."""
    attempt = Attempt()
    before = _at_work.set(attempt)
    try:
        yield attempt
    finally:
        _at_work.reset(before)
    if attempt.is_over:
        measured.send(Attempt, seconds=attempt.seconds)
        add(attempt.seconds)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Time what is within as part of the job that is at work, if one is. A step within another is its own."""
    began, attempt = time.perf_counter(), _at_work.get()
    before = sum(attempt.seconds.values()) if attempt else 0.0
    try:
        yield
    finally:
        if attempt:
            within = sum(attempt.seconds.values()) - before
            took = time.perf_counter() - began - within
            attempt.seconds[name] = attempt.seconds.get(name, 0.0) + took


def add(seconds: dict[str, float]) -> None:
    """Add one job's steps to what was counted. A broker that is away is told nothing."""

    def count(client: Any) -> None:
        together = client.pipeline(transaction=False)
        for name, took in seconds.items():
            together.hincrby(KEY, f"{name}:{bisect_left(BOUNDS, took)}", 1)
            together.hincrbyfloat(KEY, f"{name}:{_SUM}", took)
        together.execute()

    _ask(count)


def read() -> dict[str, Figures]:
    """What was counted, by step; nothing of a broker that is away."""
    answer = _ask(lambda client: client.hgetall(KEY)) or {}
    found = {_text(name): _text(value) for name, value in answer.items()}
    return {
        name: Figures(
            counts=tuple(int(found.get(f"{name}:{place}", 0)) for place in range(len(BOUNDS) + 1)),
            seconds=float(found[f"{name}:{_SUM}"]),
        )
        for name in STEPS
        if f"{name}:{_SUM}" in found
    }


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _ask(act: Callable[[Any], Any]) -> Any:
    """What `act` makes of the broker's own client; None of one that is away, or speaks another protocol."""
    try:
        # One that is kept: to open another a job took ten times what is told by it.
        with connections[current_app.connection_for_write()].acquire(block=True) as connection:
            if connection.transport.driver_type != "redis":
                return None
            channel: Any = connection.default_channel  # redis', which the stubs do not know
            with channel.conn_or_acquire() as client:
                return act(client)
    except (OperationalError, OSError, RedisError) as error:
        logger.info("Times of jobs could not be counted: %s", type(error).__name__)
        return None
