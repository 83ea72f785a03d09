"""The broker and the database that stop, forget, or cannot be reached; the web that dies."""

from __future__ import annotations

import signal
import time
from typing import Any

from celery import Celery

from tests.faults.fault import Fault, Told
from tests.faults.stack import Stack
from tests.faults.uploads import done

# So long that whoever waits longer after each try waits long by now.
BROKER_OUTAGE_SECONDS = 30
LINE_OUTAGE_SECONDS = 10
KILLS = 3
ANSWERED: dict[str, Any] = {"reply": True, "limit": 1, "timeout": 60}
FLUSHES = 5
FOR_THE_UPLOADS_SECONDS = 0.5


def kill_web(stack: Stack, cases: int) -> Told:
    begun = stack.client.begin_many(cases)
    worst = 0.0
    for _ in range(KILLS):
        stack.wait_until(lambda: stack.unfinished() or all(each.done() for each in begun), 30)
        stack.web.kill()
        began = time.monotonic()
        stack.web.start()
        worst = max(worst, time.monotonic() - began)
    codes = list(done(begun))
    more, seconds = stack.recovery()
    return Told(codes + more, max(worst, seconds))


def stop_broker(stack: Stack, cases: int) -> Told:
    begun = stack.client.begin_many(cases)
    stack.wait_until(stack.at_work, 30)
    stack.broker.kill()
    time.sleep(BROKER_OUTAGE_SECONDS)
    stack.broker.start()
    more, seconds = stack.recovery()
    return Told([*done(begun), *more], seconds)


def flush_broker(stack: Stack, cases: int) -> Told:
    begun = stack.client.begin_many(cases)
    for _ in range(FLUSHES):
        stack.wait_until(stack.unfinished, FOR_THE_UPLOADS_SECONDS)
        stack.broker.client.flushall()
    codes = list(done(begun))
    stack.broker.client.flushall()
    more, seconds = stack.recovery()
    return Told(codes + more, seconds)


def empty_queue(stack: Stack, cases: int) -> Told:
    """While the worker takes nothing, so that every message is lost."""
    with Celery(broker=stack.broker.url, set_as_current=False) as queue:
        queue.control.cancel_consumer("analysis", **ANSWERED)
        codes = stack.client.upload_many(cases)
        stack.broker.client.delete("analysis")
        queue.control.add_consumer("analysis", **ANSWERED)
    more, seconds = stack.recovery()
    return Told(codes + more, seconds)


def restart_database(stack: Stack, cases: int) -> Told:
    """As a shutdown that ends connections, then as a crash."""
    codes: list[str] = []
    worst = 0.0
    for number in (signal.SIGINT, signal.SIGQUIT):
        begun = stack.client.begin_many((cases + 1) // 2)
        stack.wait_until(stack.at_work, 30)
        stack.database.stop(number)
        stack.database.start()
        more, seconds = stack.recovery()
        codes += [*done(begun), *more]
        worst = max(worst, seconds)
    return Told(codes, worst)


def cut_line(stack: Stack, cases: int) -> Told:
    begun = stack.client.begin_many(cases)
    stack.wait_until(stack.unfinished, 30)
    stack.line.cut()
    time.sleep(LINE_OUTAGE_SECONDS)
    stack.line.mend()
    more, seconds = stack.recovery()
    return Told([*done(begun), *more], seconds)


FAULTS = (
    Fault("web-killed", "kill -9 of the web process during uploads, three times", kill_web),
    Fault("broker-stopped", "kill -9 of the broker, and 30 s without one", stop_broker),
    Fault("broker-flushed", "FLUSHALL during uploads, and after them", flush_broker),
    Fault("broker-emptied", "every message of the queue lost", empty_queue),
    Fault(
        "database-restarted",
        "PostgreSQL shut down and started again, then as after a crash",
        restart_database,
    ),
    Fault("database-cut", "10 s without a line between web and database", cut_line),
)
