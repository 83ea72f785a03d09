"""`manage.py restore BACKUP`: what `manage.py backup` wrote, into an empty system."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from cases.deletion.ledger import read_ledger, undone
from portal.backup.errors import BackupError
from portal.backup.restoring import check_backup, differing_keys, restore_backup


class Command(BaseCommand):
    help = (
        "Bring one backup into an empty system: any database, whichever it was made on. All of it is checked "
        "before anything is written, and compared row by row afterwards. Everybody has to sign in again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("backup", type=Path, help="the folder of one backup")
        parser.add_argument("--check", action="store_true", help="only tell whether the backup is whole")

    def handle(self, *, backup: Path, check: bool, **_options: Any) -> None:
        act = check_backup if check else restore_backup
        try:
            manifest = act(backup, self.stdout.write)
        except BackupError as error:
            raise CommandError(str(error)) from error
        except (OSError, Error) as error:
            raise CommandError(f"Nothing was restored. {error}") from error
        for name in differing_keys(manifest):
            self.stderr.write(
                f"{name} is another one here. Put the old one into .env: what was made with it is not found "
                "again otherwise."
            )
        if not check:
            rows = sum(each.rows for each in manifest.tables.values())
            self.stdout.write(f"Every row is back: {rows} in {len(manifest.tables)} tables.")
            self._tell_of_deletions()

    def _tell_of_deletions(self) -> None:
        """What the ledger of this machine knows to be deleted, and the backup has brought back."""
        try:
            lines = undone(read_ledger(Path(settings.DELETION_LEDGER)))
        except (OSError, ValueError) as error:
            self.stderr.write(f"Whether something deleted is back cannot be told: {error}")
            return
        if found := len({line.deletion for line in lines}):
            self.stderr.write(
                f"{found} deletions were made after this backup, and what was deleted is back. "
                "Now run: manage.py purge --again"
            )
