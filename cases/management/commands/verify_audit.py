"""`manage.py verify_audit`: whether the record is as it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cases.models import AuditSeal
from cases.record.sealing import anchor, seal_new
from cases.record.verifying import Anchor, anchors_in, verify


class Command(BaseCommand):
    help = (
        "Walk the chain over audit events, first reads, reviews and adjudications. Each row that was "
        "changed, taken away or put in is named; the exit status is 1 where there is one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--anchors",
            metavar="FILE",
            help="a copy of the anchors that lies where nobody of the database reaches it; "
            "without it, the file of AUDIT_ANCHORS",
        )
        parser.add_argument("--anchor", action="store_true", help="write down where the chain ends, as well")

    def handle(self, *args: Any, **options: Any) -> None:
        anchors = _anchors(options["anchors"])
        found = list(verify(anchors))
        for each in found:
            self.stdout.write(f"{each.where} {each.fault.label}.")
        if found:
            raise CommandError(
                f"{len(found)} faults. Keep the database as it is, and compare it with a backup.",
                returncode=1,
            )
        seal_new()
        line = anchor() if options["anchor"] else ""
        links = AuditSeal.objects.count()
        self.stdout.write(f"The record is as it was written: {links} links, {len(anchors)} anchors. {line}")


def _anchors(path: str | None) -> list[Anchor]:
    file = Path(path or settings.AUDIT_ANCHORS)
    if path is None and not file.exists():
        return []
    try:
        return list(anchors_in(file.read_text("utf-8").splitlines()))
    except (OSError, ValueError) as error:
        raise CommandError(f"The anchors cannot be read. {error}") from error
