"""Turns: who does the same thing at once waits until the other's transaction is over."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from django.db import connection

if TYPE_CHECKING:
    from uuid import UUID

# Of those who store pictures and join copies, and of those who erase them: any number that nobody else uses.
INTAKE = 7_301_554_812


def wait_for_turn(number: int) -> None:
    """Wait for whoever holds this turn, and hold it until the transaction ends. On SQLite one transaction
    writes at a time anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def turn_of_cohort(key: UUID) -> int:
    """The turn of those who move cases into a cohort, or delete it. Its row is no lock for them: a reader
    locks that with a case in hand.
    """
    return turn_of(f"cohort {key}")


def turn_of(name: str) -> int:
    """The turn of those who store or erase one file."""
    return int.from_bytes(sha256(name.encode()).digest()[:7], "big")
