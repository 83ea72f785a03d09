"""Walking the chain: which rows of the record are not as they were sealed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Model, TextChoices
from django.utils.translation import gettext_lazy as _

from cases.models import AuditSeal
from cases.record.content import FORMS, KINDS, content_digest, link_digest
from cases.record.sealing import LATEST, newest_sealed

AT_ONCE = 2_000


class Fault(TextChoices):
    """What can be wrong with a row, or with a link."""

    ALTERED = "altered", _("is not as it was sealed")
    MISSING = "missing", _("is gone")
    INSERTED = "inserted", _("is older than what is sealed, and was never sealed itself")
    LINK_ALTERED = "link altered", _("is a link of the chain that was changed")
    LINK_MISSING = "link missing", _("is a link of the chain that is gone")
    NOT_ANCHORED = "not anchored", _("is a link that was written down otherwise outside the database")


@dataclass(frozen=True)
class Found:
    """A fault, and where: the kind and key of the row, or the position of the link."""

    fault: Fault
    where: str


@dataclass(frozen=True)
class Anchor:
    """A link as it was written down outside the database."""

    position: int
    digest: str


def verify(anchors: Iterable[Anchor] = ()) -> Iterator[Found]:
    """Yield all faults, links in their order, then what was never sealed."""
    awaited = {anchor.position: anchor.digest for anchor in anchors}
    before = AuditSeal(position=0, digest="")
    for links in _chunks():
        rows = rows_of(links)
        for link in links:
            yield from _faults_of_link(before, link, awaited.pop(link.position, None))
            yield from _faults_of_row(link, rows[link.kind].get(link.row))
            before = link
    for position in sorted(awaited):
        yield Found(Fault.LINK_MISSING, f"position {position}")
    for kind in KINDS:
        yield from _never_sealed(kind)


def anchors_in(lines: Iterable[str]) -> Iterator[Anchor]:
    """Read what `sealing.anchor` wrote. Raises ValueError, which names the line."""
    for number, line in enumerate(lines, 1):
        parts = line.split()
        if not parts:
            continue
        try:
            _time, position, digest = parts
            yield Anchor(int(position), digest)
        except ValueError:
            raise ValueError(
                f"Line {number} is no anchor: TIME POSITION DIGEST. Received {line!r}."
            ) from None


def _chunks() -> Iterator[list[AuditSeal]]:
    last = 0
    while links := list(AuditSeal.objects.filter(position__gt=last).order_by("position")[:AT_ONCE]):
        yield links
        last = links[-1].position


def rows_of(links: Iterable[AuditSeal]) -> dict[str, dict[UUID, Model]]:
    """Return the rows that these links are about, by kind and key; those that are gone are not in it."""
    wanted: defaultdict[str, list[UUID]] = defaultdict(list)
    for link in links:
        wanted[link.kind].append(link.row)
    found: defaultdict[str, dict[UUID, Model]] = defaultdict(dict)
    for kind, keys in wanted.items():
        if kind in KINDS:
            rows: Any = KINDS[kind].model.objects.in_bulk(keys)
            found[kind] = rows
    return found


def _faults_of_link(before: AuditSeal, link: AuditSeal, anchored: str | None) -> Iterator[Found]:
    for position in range(before.position + 1, link.position):
        yield Found(Fault.LINK_MISSING, f"position {position}")
    follows = link.position == before.position + 1
    if follows and link.digest != link_digest(before.digest, link.content):
        yield Found(Fault.LINK_ALTERED, f"position {link.position}")
    elif anchored is not None and link.digest != anchored:
        yield Found(Fault.NOT_ANCHORED, f"position {link.position}")


def _faults_of_row(link: AuditSeal, row: Model | None) -> Iterator[Found]:
    where = f"{link.kind} {link.row}"
    if link.kind not in FORMS.get(link.form, {}):
        yield Found(Fault.LINK_ALTERED, f"position {link.position}")
    elif row is None:
        yield Found(Fault.MISSING, where)
    elif content_digest(link.kind, row, link.form) != link.content:
        yield Found(Fault.ALTERED, where)


def _never_sealed(kind: str) -> Iterator[Found]:
    """Rows so old that they would have been sealed with what came after them, had they been there."""
    newest = newest_sealed(kind)
    if newest is None:
        return
    model, time = KINDS[kind].model, KINDS[kind].time
    rows: Any = model.objects.filter(**{f"{time}__lt": newest - LATEST}).order_by("pk")
    last = None
    while keys := list((rows.filter(pk__gt=last) if last else rows).values_list("pk", flat=True)[:AT_ONCE]):
        sealed = set(AuditSeal.objects.filter(kind=kind, row__in=keys).values_list("row", flat=True))
        for key in keys:
            if key not in sealed:
                yield Found(Fault.INSERTED, f"{kind} {key}")
        last = keys[-1]
