"""Emptying a PostgreSQL after a test that committed: row by row.

TRUNCATE, which Django takes, makes a new file of each of forty tables and all their indexes, full or empty,
and waits for whoever still reads one of them, who may wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.postgresql.operations import DatabaseOperations


def by_rows(operations: DatabaseOperations, style: Any, tables: Sequence[str], **options: bool) -> list[str]:
    """The statements that empty `tables`, whatever refers to them and whatever refuses a deletion.

    In the place of DatabaseOperations.sql_flush; they are run in one transaction.
    """
    if not tables:
        return []
    # Foreign keys and the triggers of the append-only tables rest, for the superuser that a test is here.
    resting = "SET LOCAL session_replication_role = replica;"
    return [resting, *(f"DELETE FROM {operations.quote_name(table)};" for table in tables)]
