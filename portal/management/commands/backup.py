"""`manage.py backup FOLDER`: one more backup of the database and the stored files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from inference.files import first_of
from portal.backup.archive import Archive
from portal.backup.errors import BackupError
from portal.backup.making import forget_old, make_backup


class Command(BaseCommand):
    help = (
        "Write the database, the pictures and what was made of them, the operator's networks and the anchors "
        "of the record into FOLDER, as one state, while the portal goes on. Files are kept once for all "
        "backups of a folder. SECRET_KEY and the rest of .env are no part of it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="where the backups lie; it is made where it is missing")
        parser.add_argument(
            "--keep", type=_at_least_one, metavar="N", help="delete all but the newest N backups afterwards"
        )

    def handle(self, *, folder: Path, keep: int | None, **_options: Any) -> None:
        try:
            made = make_backup(folder, self.stdout.write)
            self._warn(made)
            if keep:
                backups, files = forget_old(folder, keep)
                self.stdout.write(f"Deleted: {backups} older backups, {files} files that only they had.")
        except BackupError as error:
            raise CommandError(str(error)) from error
        except (OSError, Error) as error:
            raise CommandError(f"No backup was made. {error}") from error
        self.stdout.write(f"Written to {made}.")

    def _warn(self, made: Path) -> None:
        missing = Archive(made).manifest().missing
        if missing:
            self.stderr.write(
                f"{len(missing)} files that rows name are not in the storage: {first_of(list(missing))}. "
                "An older backup may have them."
            )


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
