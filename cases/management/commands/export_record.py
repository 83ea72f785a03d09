"""`manage.py export_record`: the sealed record as lines of JSON, for a system that watches over many."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cases.models import AuditSeal
from cases.record.content import plain_fields
from cases.record.sealing import seal_new
from cases.record.verifying import rows_of

_AT_ONCE = 1000


class Command(BaseCommand):
    help = (
        "Write each row of the record after a position of its chain, in the chain's order, an object a line. "
        "Keep the position of the last line, and ask for what comes after it the next time: nothing is told "
        "twice, and nothing is left out. Readers' comments, findings in words and marks stay here."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--after", type=int, default=0, metavar="POSITION", help="of the last line that is known"
        )

    def handle(self, *, after: int, **_options: Any) -> None:
        seal_new()
        for said in _lines(after):
            self.stdout.write(json.dumps(said, ensure_ascii=False))


def _lines(after: int) -> Iterator[dict[str, Any]]:
    while links := list(AuditSeal.objects.filter(position__gt=after).order_by("position")[:_AT_ONCE]):
        rows = rows_of(links)
        for link in links:
            row = rows.get(link.kind, {}).get(link.row)
            yield {
                "position": link.position,
                "digest": link.digest,
                "kind": link.kind,
                # A row that is gone is told by `verify_audit`; its place in the chain stays.
                "row": plain_fields(link.kind, row) if row is not None else None,
            }
        after = links[-1].position
