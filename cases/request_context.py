"""What several rooms want to know of the request that is being answered: its id, and what it is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

_request_id: ContextVar[str] = ContextVar("request_id", default="")


@dataclass
class Subject:
    """What somebody looks at. code: of the case, where it is one."""

    cohort: UUID | None = None
    code: str = ""


_subject: ContextVar[Subject | None] = ContextVar("subject", default=None)


def request_id() -> str:
    """Return the id of the request, or of the task, that is being worked at; empty outside of both."""
    return _request_id.get()


@contextmanager
def named(identifier: str) -> Iterator[None]:
    """Within, this is the id of what is being worked at."""
    before = _request_id.set(identifier)
    try:
        yield
    finally:
        _request_id.reset(before)


def take_up(identifier: str) -> None:
    """From now on this is the id; for a worker, whose tasks come one after the other."""
    _request_id.set(identifier)


@contextmanager
def watched() -> Iterator[Subject]:
    """Within, what is looked at is written into the subject that this yields."""
    subject = Subject()
    before = _subject.set(subject)
    try:
        yield subject
    finally:
        _subject.reset(before)


def looks_at(cohort: UUID, code: str = "") -> None:
    """Say what the request turned out to be about, once it is known that the person may see it."""
    subject = _subject.get()
    if subject is not None:
        subject.cohort, subject.code = cohort, code or subject.code
