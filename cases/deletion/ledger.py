"""The list of deletions outside the database, by which they are done again after a restore.

A backup from before a deletion brings back what was deleted, and does not know of it. So each deletion is a
line of a file that lies outside the database (DELETION_LEDGER): keys alone, nothing of a patient.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model

from cases.batches import BATCH_SIZE
from cases.deletion.acts import NothingToDelete, Why, delete
from cases.deletion.targets import Target
from cases.lifecycle import DeletionKind, DeletionReason
from cases.models import Case, Cohort, Deletion, Image


@dataclass(frozen=True)
class Line:
    """One deletion, or of one of many pictures a part of it. by, confirmed_by: keys of accounts."""

    deletion: UUID
    at: datetime
    kind: DeletionKind
    reason: DeletionReason
    cohort: UUID
    case: UUID | None
    by: UUID | None
    confirmed_by: UUID | None
    counts: dict[str, int]
    images: tuple[UUID, ...]


def write_missing() -> int:
    """Add to the ledger the deletions that are not in it; how many. A line that stands there twice, as of two
    sweeps at once, does no harm.
    """
    path = Path(settings.DELETION_LEDGER)
    known = {line.deletion for line in read_ledger(path)}
    missing = list(Deletion.objects.exclude(pk__in=known).order_by("at", "pk"))
    if missing:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as ledger:
            ledger.truncate(_whole_bytes_of(path))
            for deletion in missing:
                ledger.writelines(f"{text}\n".encode() for text in _texts_of(deletion))
    return len(missing)


def _whole_bytes_of(path: Path) -> int:
    """Where the last whole line ends: a crash may have left a part of another."""
    return path.read_bytes().rfind(b"\n") + 1


def read_ledger(path: Path) -> list[Line]:
    """The lines of a ledger, none where there is no file. Raises ValueError, which names the line.

    What a crash left of the last line counts for nothing.
    """
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return list(_lines_in(lines[:-1]))


def _lines_in(texts: Iterable[str]) -> Iterator[Line]:
    for number, text in enumerate(texts, 1):
        try:
            yield _line_of(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(f"Line {number} is no line of a deletion ledger.") from None


def undone(lines: Iterable[Line]) -> list[Line]:
    """Those whose pictures, or cohort, are there: a backup from before was restored."""
    return [line for line in lines if _target_of(line) is not None]


def again(line: Line) -> int:
    """Delete once more what a restore has brought back, by the same key and at the same time; how many
    pictures.
    """
    target = _target_of(line)
    if target is None:
        return 0
    people = get_user_model().objects.in_bulk([key for key in (line.by, line.confirmed_by) if key])
    why = Why(
        line.reason,
        by=people.get(line.by),
        confirmed_by=people.get(line.confirmed_by),
        key=line.deletion,
        at=line.at,
        counts=line.counts,
    )
    count = target.images().count()
    try:
        delete(target, why)
    except NothingToDelete:
        return 0
    return count


def _target_of(line: Line) -> Target | None:
    cohort = Cohort.objects.filter(pk=line.cohort).first()
    if cohort is None:
        return None
    is_open = line.kind == DeletionKind.COHORT and cohort.deleted_at is None
    there = Image.objects.filter(pk__in=line.images, deleted_at__isnull=True)
    if not is_open and not there.exists():
        return None
    case = Case.objects.filter(pk=line.case).first() if line.case else None
    return Target(line.kind, cohort, case, keys=line.images)


def _texts_of(deletion: Deletion) -> Iterator[str]:
    """At most BATCH_SIZE pictures a line; of a cohort that was empty one line without any."""
    images = [str(key) for key in deletion.pictures.order_by("pk").values_list("pk", flat=True)]
    for first in range(0, max(len(images), 1), BATCH_SIZE):
        said = {
            "deletion": str(deletion.pk),
            "at": deletion.at.isoformat(),
            "kind": deletion.kind,
            "reason": deletion.reason,
            "cohort": str(deletion.cohort_id),
            "case": _text(deletion.case_id),
            "by": _text(deletion.by_id),
            "confirmed_by": _text(deletion.confirmed_by_id),
            "counts": deletion.counts,
            "images": images[first : first + BATCH_SIZE],
        }
        yield json.dumps(said)


def _line_of(said: dict[str, Any]) -> Line:
    return Line(
        UUID(said["deletion"]),
        datetime.fromisoformat(said["at"]),
        DeletionKind(said["kind"]),
        DeletionReason(said["reason"]),
        UUID(said["cohort"]),
        _key(said["case"]),
        _key(said["by"]),
        _key(said["confirmed_by"]),
        dict(said["counts"]),
        tuple(UUID(key) for key in said["images"]),
    )


def _text(key: UUID | None) -> str | None:
    return str(key) if key else None


def _key(text: str | None) -> UUID | None:
    return UUID(text) if text else None
