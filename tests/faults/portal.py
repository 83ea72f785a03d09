"""A portal that runs, and how to ask what came of what it was given."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from tests.faults.uploads import Client

DONE_SECONDS = 240
POLL_SECONDS = 0.03
UNFINISHED = "SELECT id FROM cases_job WHERE status IN ('queued', 'running')"
JOBS_OF = """
    SELECT cases_job.id FROM cases_job
    JOIN cases_image ON cases_image.id = cases_job.image_id
    JOIN cases_case ON cases_case.id = cases_image.case_id
    WHERE cases_case.code = %s
"""


class Portal(ABC):
    """On whatever database; `client` uploads to it."""

    client: Client

    @abstractmethod
    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the database, past everything that a fault may have broken."""

    def cases(self) -> int:
        return int(self.ask("SELECT count(*) FROM cases_case")[0][0])

    def at_work(self) -> list[str]:
        """The jobs that a worker has in hand."""
        return [str(row[0]) for row in self.ask("SELECT id FROM cases_job WHERE status = 'running'")]

    def unfinished(self) -> set[str]:
        """The jobs that have no end."""
        return {str(row[0]) for row in self.ask(UNFINISHED)}

    def job_of(self, code: str) -> str:
        """The job of a case of one picture."""
        return str(self.ask(JOBS_OF, code)[0][0])

    def wait_until(self, holds: Callable[[], object], seconds: float = DONE_SECONDS) -> bool:
        """Whether it held in time."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def settle(self) -> None:
        """Wait until no job is left; what never ends is counted as lost."""
        self.wait_until(lambda: not self.unfinished())

    def seconds_until_over(self, jobs: set[str]) -> float:
        """How long it takes until these jobs have ended, from now on."""
        began = time.monotonic()
        self.wait_until(lambda: not jobs & self.unfinished())
        return time.monotonic() - began

    def recovery(self) -> tuple[list[str], float]:
        """Called when the harm is over: the code of one more case, and the seconds until it and all that
        waited have come to their end.
        """
        began = time.monotonic()
        waiting = self.unfinished()
        code = self.client.upload()
        self.seconds_until_over(waiting | {self.job_of(code)})
        return [code], time.monotonic() - began
