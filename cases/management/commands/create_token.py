"""`manage.py create_token EMAIL`: print a new REST token of an account."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from cases.models import Cohort
from cases.people import tokens
from cases.scopes import OFFERED, Scope

if TYPE_CHECKING:
    from portal.accounts.models import User


class Command(BaseCommand):
    help = "Print a new REST token of an account; it is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--days", type=int, default=90, help="How long it holds; 0 is for ever.")
        parser.add_argument("--name", default="", help="What will use it; the moment, where none is given.")
        parser.add_argument(
            "--scope",
            action="append",
            choices=[scope.value for scope in OFFERED],
            help="What it may be used for; more than once for several. Default: all that the account may do.",
        )
        parser.add_argument("--cohort", default="", help="The name of the one cohort that it opens.")

    def handle(self, *, email: str, days: int, name: str, cohort: str, **options: Any) -> None:
        user = get_user_model().objects.filter(email=email.strip().lower(), is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active account with the address {email}.")
        if days < 0:
            raise CommandError(f"--days is 0 or more, not {days}.")
        useful = tokens.scopes_for(user)
        if not useful:
            raise CommandError("This account has a role in no cohort; give it one first.")
        wanted = [Scope(scope) for scope in options["scope"] or useful]
        if useless := set(wanted) - set(useful):
            raise CommandError(f"Of no use to this account, in any cohort: {', '.join(sorted(useless))}.")
        terms = tokens.Terms(
            name or f"{timezone.now():%Y-%m-%d %H:%M}",
            wanted,
            timedelta(days=days) if days else None,
            _cohort(user, cohort) if cohort else None,
        )
        self.stdout.write(tokens.issue(by=None, user=user, terms=terms).text)


def _cohort(user: User, name: str) -> Cohort:
    found = tokens.cohorts_for(user).filter(name=name).first()
    if found is None:
        raise CommandError(f"This account has no role in a cohort that is called {name}.")
    return found
