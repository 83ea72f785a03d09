"""Slowing down who guesses: what failed is counted by person, by address and by network.

Nobody is kept out by what others do elsewhere. A person who failed too often waits there, and may come in
from another address. Where many fail from one address or network, or at one person from everywhere, a browser
on which the person has signed in before (origin.py) is not asked about that.

The counts are rows of the database, which all web processes share.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.http import HttpRequest
from django.utils import timezone

from portal.accounts.models import FailedAttempts
from portal.accounts.origin import Origin, digest, origin_of
from portal.accounts.refusals import TooManyAttempts

logger = logging.getLogger(__name__)

WINDOW = timedelta(minutes=15)


@dataclass(frozen=True)
class Limits:
    """How many failures within WINDOW are let pass: of one person at one place, of that person anywhere,
    and of all people at one address and in one network. A hospital may be one address.
    """

    here: int = 5
    person: int = 100
    address: int = 50
    network: int = 200


SIGN_IN, RESET, OLD_PASSWORD, CODE, LINK, TOKEN = "sign-in", "reset", "password", "code", "link", "token"
DOORS: Mapping[str, Limits] = {
    SIGN_IN: Limits(),
    # Each request sends a mail to somebody.
    RESET: Limits(person=10),
    OLD_PASSWORD: Limits(),
    # Three of a million are right at any moment.
    CODE: Limits(person=20),
    # A secret of a mail, which a program that looks at mails opens more than once.
    LINK: Limits(here=20),
    # A forgotten script goes on asking with the token that has run out.
    TOKEN: Limits(here=10),
}


@dataclass(frozen=True)
class Attempt:
    """An attempt at a door, counted before it is known whether it is right: of many at once, none is free."""

    door: str
    who: str
    origin: Origin

    def forget(self) -> None:
        """It was right: the person starts over here."""
        FailedAttempts.objects.filter(door=self.door, who=self.who, place=self.origin.place).delete()

    def give_back(self) -> None:
        """It was not looked at."""
        mine = FailedAttempts.objects.filter(door=self.door, who=self.who, place=self.origin.place)
        mine.filter(failures__gt=0).update(failures=F("failures") - 1)


def attempt(request: HttpRequest, door: str, named: str) -> Attempt:
    """Count an attempt of whoever is `named`. One that is refused, with TooManyAttempts, is not counted.

    named: an address, a number of an account or a secret; only a digest is stored, since what is typed by
    mistake may be a password, and rows go into backups.
    """
    who = person(named)
    made = Attempt(door, who, origin_of(request, who))
    now = timezone.now()
    FailedAttempts.objects.filter(last_at__lte=now - WINDOW).delete()
    with transaction.atomic():
        # The row is the lock of those who come at once.
        same = {"door": door, "who": who, "place": made.origin.place}
        FailedAttempts.objects.get_or_create(
            **same, defaults={"network": made.origin.network, "failures": 0, "last_at": now}
        )
        FailedAttempts.objects.select_for_update().get(**same)
        if wait := _wait(made, now):
            raise TooManyAttempts(wait)
        FailedAttempts.objects.filter(**same).update(failures=F("failures") + 1, last_at=now)
    return made


def person(named: str) -> str:
    """The digest that a person, or a secret, is counted under."""
    return digest("who", named.strip().lower())


def forget_person(named: str) -> None:
    """Start over at the sign-in everywhere, after a new password by mail."""
    FailedAttempts.objects.filter(door=SIGN_IN, who=person(named)).delete()


def count_wrong_link(request: HttpRequest, secret: str) -> None:
    """Count a link of a mail that opens nothing. Raises TooManyAttempts.

    A right one is let pass whatever others do: nobody guesses 256 bits, and a colleague may be behind that
    address.
    """
    attempt(request, LINK, secret)


def _wait(made: Attempt, now: datetime) -> int:
    """Seconds until the attempt may be made; 0 for at once."""
    limits, origin = DOORS[made.door], made.origin
    counted = FailedAttempts.objects.filter(door=made.door, failures__gt=0).order_by("last_at")
    if not origin.network:
        here = list(counted.filter(who=made.who, place=origin.place))
        return _until_below(limits.here, here, now)
    found = list(counted.exclude(network="").filter(Q(who=made.who) | Q(network=origin.network)))
    of_address = [row for row in found if row.place == origin.place]
    of_network = [row for row in found if row.network == origin.network]
    of_person = [row for row in found if row.who == made.who]
    wide = max(
        _until_below(limits.address, of_address, now),
        _until_below(limits.network, of_network, now),
        _until_below(limits.person, of_person, now),
    )
    if wide:
        logger.warning("Too many failures at the door “%s”; refused for %d s.", made.door, wide)
    return max(wide, _until_below(limits.here, [row for row in of_address if row.who == made.who], now))


def _until_below(limit: int, rows: Sequence[FailedAttempts], now: datetime) -> int:
    """Seconds until fewer failures than `limit` are left; the rows, oldest first, are forgotten by age."""
    left, until = sum(row.failures for row in rows), now
    for row in rows:
        if left < limit:
            break
        left, until = left - row.failures, row.last_at + WINDOW
    return math.ceil((until - now).total_seconds())
