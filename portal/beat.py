"""Beat's scheduler, which a clock that goes back does not keep from sending.

Celery remembers when each task was sent last, and by the clock when the next is due: after an hour back it
would send nothing for an hour, neither if it runs meanwhile nor if it is started then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from celery.beat import PersistentScheduler


class Scheduler(PersistentScheduler):
    """Named to Celery by CELERY_BEAT_SCHEDULER."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """As Celery's; what was sent in the future counts as sent now."""
        self._come_back()
        delay: float = super().tick(*args, **kwargs)
        return delay

    def _come_back(self) -> None:
        entries: Iterable[Any] = self.schedule.values()
        for entry in entries:
            now = entry.default_now()
            if entry.schedule.maybe_make_aware(entry.last_run_at) > now:
                entry.last_run_at = now
                # Made anew by what is to come, since the times in it are those of the other clock.
                self._heap = None
