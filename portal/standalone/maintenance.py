"""The maintenance worker of `make run`, with beat as one of its threads instead of a process of its own."""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any

from celery import beat, bootsteps
from celery.worker import state

from portal.celery import app

logger = logging.getLogger("portal.standalone.maintenance")


class BeatThread(threading.Thread):
    """Celery's scheduler; where it fails, the worker ends, and says so by that."""

    def __init__(self, celery: Any) -> None:
        super().__init__(name="beat", daemon=True)
        # It looks once a second whether it is to stop.
        self._service = beat.Service(celery, max_interval=1, scheduler_cls=celery.conf.beat_scheduler)

    def run(self) -> None:
        try:
            self._service.start()
        except Exception:
            logger.exception("The scheduler has failed.")
            state.should_stop = 1  # type: ignore[assignment] # an exit status

    def stop(self) -> None:
        """End within the second."""
        self._service.stop()
        self.join(2)


class BeatStep(bootsteps.StartStopStep):
    """Runs the thread while the worker runs. Celery's own `--beat` is one more process."""

    requires = ("celery.worker.components:Pool",)

    def create(self, parent: Any) -> BeatThread:  # type: ignore[override] # which starts and stops it
        return BeatThread(parent.app)


def main() -> None:
    """`python -m portal.standalone.maintenance`, with the options of `celery worker`."""
    app.steps["worker"].add(BeatStep)
    app.worker_main(["worker", *sys.argv[1:]])


if __name__ == "__main__":
    main()
