"""`manage.py end_second_factor EMAIL`: have somebody who has lost theirs sign in by password alone."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts import second_factor
from portal.accounts.models import User


class Command(BaseCommand):
    help = "End the second factor of somebody who has lost it, once you know that it is them who asks."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *, email: str, **options: Any) -> None:
        user = User.objects.filter(email=email.strip().lower()).first()
        if user is None:
            raise CommandError(f"There is no account with the address {email}.")
        if not second_factor.end(by=None, user=user):
            raise CommandError(f"{user.email} has no second factor.")
        self.stdout.write(f"{user.email} signs in by password alone.")
