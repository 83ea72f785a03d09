"""`manage.py rotate_originals`: encrypts the references to originals with the first of ORIGINALS_KEYS."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cases.intake.originals import KeyMissing, rotate


class Command(BaseCommand):
    help = (
        "Encrypt every reference to an original with the first of ORIGINALS_KEYS. Afterwards the other keys "
        "can be taken out of the settings."
    )

    def handle(self, **options: Any) -> None:
        """Encrypt them anew; those that were done before a failure are done."""
        try:
            count = rotate()
        except KeyMissing:
            raise CommandError(
                "ORIGINALS_KEYS has no key that can be used, or not the one that a reference was encrypted "
                "with. Put the new key first, and leave the earlier ones behind it."
            ) from None
        self.stdout.write(f"{count} references are encrypted with the first key.")
