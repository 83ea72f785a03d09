"""`manage.py create_token EMAIL`: print a new REST token of an account."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cases.people import tokens


class Command(BaseCommand):
    help = "Print a new REST token of an account; it is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--days", type=int, default=90, help="How long it holds; 0 is for ever.")

    def handle(self, *, email: str, days: int, **options: Any) -> None:
        user = get_user_model().objects.filter(email=email.strip().lower(), is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active account with the address {email}.")
        if days < 0:
            raise CommandError(f"--days is 0 or more, not {days}.")
        if not tokens.may_use_tokens(user):
            raise CommandError("This account may neither upload nor export anywhere; give it a role first.")
        issued = tokens.issue(by=None, user=user, lifetime=timedelta(days=days) if days else None)
        self.stdout.write(issued.text)
