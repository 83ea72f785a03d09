"""Delete what was kept long enough, or once more what a restored backup has brought back."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cases.deletion import ledger
from cases.deletion.retention import MOST_DAYS, deal_with, expired_of
from cases.deletion.targets import extent_of
from cases.deletion.tasks import clear_up_deletions
from cases.models import Cohort, DeletionRequest


class Command(BaseCommand):
    """See module."""

    help = (
        "Delete the cases that are over and that came in, and were last spoken of, more than DAYS days ago; "
        "or, with --again, what a restored backup has brought back. --dry-run only says how much."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """See module."""
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--older-than", type=int, metavar="DAYS")
        what.add_argument(
            "--again",
            nargs="?",
            const=settings.DELETION_LEDGER,
            metavar="LEDGER",
            help="the file of DELETION_LEDGER, or a copy of it",
        )
        parser.add_argument("--cohort", help="by its name; without it every cohort")
        parser.add_argument("--dry-run", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """See module."""
        if options["again"] is not None:
            self._again(Path(options["again"]), is_dry=options["dry_run"])
        else:
            self._older_than(options["older_than"], self._cohorts(options["cohort"]), options["dry_run"])
        if not options["dry_run"]:
            clear_up_deletions()

    def _cohorts(self, name: str | None) -> list[Cohort]:
        if not name:
            return list(Cohort.objects.filter(deleted_at__isnull=True))
        cohort = Cohort.objects.filter(name=name).first()
        if cohort is None:
            raise CommandError(f"There is no cohort of this name. Received {name!r}.")
        return [cohort]

    def _older_than(self, days: int, cohorts: list[Cohort], is_dry: bool) -> None:
        if not 1 <= days <= MOST_DAYS:
            raise CommandError(f"Give a number of days from 1 to {MOST_DAYS}. Received {days}.")
        for cohort in cohorts:
            target = expired_of(cohort, days)
            extent = extent_of(target)
            said = f"{cohort.name}: {extent.cases} cases, {extent.pictures} pictures"
            if is_dry:
                self.stdout.write(f"{said} would go; {extent.statements} statements would stay.")
                continue
            done = deal_with(target, may_delete=True)
            if isinstance(done, DeletionRequest):
                self.stdout.write(f"{said} are asked for: DELETION_NEEDS_TWO wants people to confirm it.")
            elif done:
                self.stdout.write(f"{said} are deleted; {extent.statements} statements stay.")
            elif extent.pictures:
                self.stdout.write(f"{said} wait for a confirmation already.")
            else:
                self.stdout.write(f"{cohort.name}: nothing is that old.")

    def _again(self, path: Path, *, is_dry: bool) -> None:
        if not path.is_file():
            raise CommandError(f"There is no ledger of deletions there. Received {path}.")
        try:
            lines = ledger.undone(ledger.read_ledger(path))
        except (OSError, ValueError) as error:
            raise CommandError(f"The ledger cannot be read: {error}") from None
        if is_dry:
            self.stdout.write(f"{len({line.deletion for line in lines})} deletions would be done again.")
            return
        pictures = sum(ledger.again(line) for line in lines)
        self.stdout.write(
            f"{len({line.deletion for line in lines})} deletions are done again: {pictures} pictures."
        )
