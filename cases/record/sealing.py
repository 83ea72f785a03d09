"""Binding new rows of the record into the chain, beside the requests that made them."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max, Model

from cases.models import AuditSeal
from cases.record.content import KINDS, NEWEST_FORM, content_digest, link_digest

logger = logging.getLogger(__name__)

# A row's time is that of its act, and it is seen once its transaction ends: no transaction takes as long.
LATEST = timedelta(hours=1)
AT_ONCE = 2_000


def seal_new() -> int:
    """Seal what has been added since the last time, in the order of its time; how many rows.

    Two who seal at once cannot both add the same link: one of them leaves it to the other.
    """
    sealed = 0
    while found := _seal_some():
        sealed += found
    return sealed


def anchor() -> str:
    """Write the newest link to the log and to the file of AUDIT_ANCHORS, which lie outside the database; the
    line, empty where there is no link yet.
    """
    newest = AuditSeal.objects.order_by("-position").first()
    if newest is None:
        return ""
    line = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {newest.position} {newest.digest}"
    logger.info("The record's chain ends at %s.", line)
    path = Path(settings.AUDIT_ANCHORS)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as anchors:
        anchors.write(f"{line}\n")
    return line


def _seal_some() -> int:
    try:
        with transaction.atomic():
            last = AuditSeal.objects.select_for_update().order_by("-position").first()
            rows = heapq.merge(*(_unsealed(kind) for kind in KINDS), key=lambda row: row[:3])
            links = list(_links(last, rows))
            AuditSeal.objects.bulk_create(links)
    except IntegrityError:
        logger.info("Somebody else seals the record just now.")
        return 0
    return len(links)


def _links(last: AuditSeal | None, rows: Iterator[tuple[datetime, str, str, Model]]) -> Iterator[AuditSeal]:
    position, digest = (last.position, last.digest) if last else (0, "")
    for at, kind, _, row in rows:
        position += 1
        content = content_digest(kind, row)
        digest = link_digest(digest, content)
        yield AuditSeal(
            position=position,
            kind=kind,
            row=row.pk,
            at=at,
            form=NEWEST_FORM,
            content=content,
            digest=digest,
        )


def _unsealed(kind: str) -> Iterator[tuple[datetime, str, str, Model]]:
    """The oldest AT_ONCE rows that are not sealed, with what they are ordered by."""
    model, time = KINDS[kind].model, KINDS[kind].time
    rows: Any = model.objects.order_by(time, "pk")
    sealed: set[Any] = set()
    if (newest := newest_sealed(kind)) is not None:
        seals = AuditSeal.objects.filter(kind=kind, at__gte=newest - LATEST)
        sealed = set(seals.values_list("row", flat=True))
        rows = rows.filter(**{f"{time}__gte": newest - LATEST})
    added = (row for row in rows.iterator(AT_ONCE) if row.pk not in sealed)
    for row in islice(added, AT_ONCE):
        yield getattr(row, time), kind, str(row.pk), row


def newest_sealed(kind: str) -> datetime | None:
    """The time of the newest row of this kind that is sealed; None where none is."""
    found: datetime | None = AuditSeal.objects.filter(kind=kind).aggregate(newest=Max("at"))["newest"]
    return found
