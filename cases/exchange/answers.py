"""How an attempt to send ended: well, for good, or to be tried again. Numbers and codes of ours alone: the
words of a peer may hold anything, and are kept and shown nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# PS3.4, table B.2-1: the peer has no room now, or could not process it now (PS3.7, annex C).
NO_ROOM, FAILED = range(0xA700, 0xA800), 0x0110
WARNINGS = range(0xB000, 0xC000)


@dataclass(frozen=True)
class Answer:
    """What the peer said. code: a key of cases/exchange/words.py; status: HTTP's or DIMSE's number; reasons:
    how many instances failed, by DICOM's number for why; instances: how many were stored.
    """

    code: str
    status: int | None = None
    reasons: dict[str, int] = field(default_factory=dict)
    instances: int = 0

    def plain(self) -> dict[str, Any]:
        """As it is stored."""
        found: dict[str, Any] = {"code": self.code}
        if self.status is not None:
            found["status"] = self.status
        if self.reasons:
            found["reasons"] = self.reasons
        return found


class NotSent(Exception):
    """The case did not arrive."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.code)
        self.answer = answer


class Refused(NotSent):
    """The peer does not want it: another attempt would be answered the same."""


class TryLater(NotSent):
    """The peer could not take this case now."""


class Unreachable(TryLater):
    """Nobody speaks at the other end: what else waits for it waits too."""


def check_reasons(reasons: dict[str, int], status: int | None = None) -> None:
    """Raise Refused or TryLater where instances failed. reasons: as of Answer."""
    if not reasons:
        return
    numbers = [int(reason, 16) for reason in reasons]
    may_pass = all(number in NO_ROOM or number == FAILED for number in numbers)
    raise (TryLater if may_pass else Refused)(Answer("instances_failed", status, reasons))


def as_reason(number: int) -> str:
    """DICOM's number for a reason, as the standard writes it: four hexadecimal digits."""
    return f"{number:04X}"
