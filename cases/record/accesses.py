"""Writing down who looked at what, beside the request that it is about.

A page does not wait for its row: a thread of the process writes what has come together, a moment later.
While the database is gone the rows wait in memory; what cannot be kept there goes to the log.
"""

from __future__ import annotations

import atexit
import json
import logging
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.db import Error, close_old_connections

from cases.models import AccessEvent, AccessKind

logger = logging.getLogger(__name__)

# Of one person, case and kind of picture one row says enough for so long: a page fetches a dozen.
SAME_SECONDS = 600
SAME_MOST = 5_000
WAIT_SECONDS = 0.3
AT_ONCE = 500
# Of the rows that wait for the database.
MOST_WAITING = 20_000
PAUSES = (1.0, 5.0, 15.0)
_OFTEN = frozenset({AccessKind.PICTURE, AccessKind.RESULT})


def record_access(event: AccessEvent) -> None:
    """Keep one event, at once or a moment later as ACCESS_RECORD says; what was told just now is dropped."""
    if settings.ACCESS_RECORD == "off" or _was_told(event):
        return
    if settings.ACCESS_RECORD == "now":
        event.save(force_insert=True)
    else:
        _writer.add(event)


class Writer:
    """One thread a process, begun with the first event: a server forks before it answers."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[AccessEvent] = queue.Queue(MOST_WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, event: AccessEvent) -> None:
        """Take one event; where too many wait, it goes to the log."""
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            _log([event])
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="access-record", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Write what waits, now; what the database does not take goes to the log."""
        while events := self._taken():
            try:
                write(events)
            except Error:
                _log(events)

    def _run(self) -> None:
        while True:
            first = self._waiting.get()
            time.sleep(WAIT_SECONDS)
            write_patiently([first, *self._taken()])

    def _taken(self) -> list[AccessEvent]:
        events: list[AccessEvent] = []
        while len(events) < AT_ONCE:
            try:
                events.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return events


def write(events: Sequence[AccessEvent]) -> None:
    """Store these events. Raises the database's Error."""
    close_old_connections()
    try:
        AccessEvent.objects.bulk_create(events, ignore_conflicts=True)
    finally:
        close_old_connections()


def write_patiently(events: Sequence[AccessEvent]) -> None:
    """Store these events, with some patience for a database that is gone; then to the log."""
    for pause in (*PAUSES, None):
        try:
            write(events)
        except Error as error:
            logger.warning("%d access events wait for the database: %s.", len(events), type(error).__name__)
            if pause is None:
                _log(events)
            else:
                time.sleep(pause)
        else:
            return


def _log(events: Sequence[AccessEvent]) -> None:
    """Ids, codes and routes alone, as the rows themselves."""
    for event in events:
        said = {
            "at": event.at.isoformat(),
            "actor": str(event.actor_id or ""),
            "kind": str(event.kind),
            "method": event.method,
            "route": event.route,
            "status": event.status,
            "subject": event.subject,
            "from": event.address,
            "request": event.request_id,
        }
        logger.error("An access event that the database did not take: %s", json.dumps(said))


_told: OrderedDict[tuple[UUID | None, str, str, str], float] = OrderedDict()
_told_lock = threading.Lock()


def _was_told(event: AccessEvent) -> bool:
    """Whether such a picture was told of a short while ago, by this process."""
    if event.kind not in _OFTEN or event.is_refused:
        return False
    key, now = (event.actor_id, event.via, event.subject, event.kind), time.monotonic()
    with _told_lock:
        before = _told.get(key)
        if before is not None and now - before < SAME_SECONDS:
            return True
        _told[key] = now
        _told.move_to_end(key)
        while len(_told) > SAME_MOST:
            _told.popitem(last=False)
    return False


_writer = Writer()
atexit.register(_writer.flush)
