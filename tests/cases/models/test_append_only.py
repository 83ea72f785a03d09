"""Rows that are only ever added: the database itself refuses to change or delete them, on both databases."""

import sqlite3
from contextlib import closing

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import ConnectionHandler

pytestmark = pytest.mark.both_databases

TABLES = (
    "cases_accessevent",
    "cases_prediction",
    "cases_review",
    "cases_auditevent",
    "cases_auditseal",
    "cases_firstread",
    "cases_adjudication",
    "cases_protocol",
    "cases_disclosure",
    "cases_deletion",
    "cases_deletedpicture",
    "cases_driftbaseline",
    "cases_shadowresult",
    "cases_acceptancebounds",
    "cases_modeldecision",
)
WITH_ROWS = ("cases_prediction", "cases_review", "cases_auditevent", "cases_protocol")
TRIGGERS = {f"{table}_no_{verb}" for table in TABLES for verb in ("UPDATE", "DELETE")}


def refused(sql: str) -> bool:
    """Whether the database itself refuses to run `sql`."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    except DatabaseError as error:
        return "only ever added" in str(error)
    return False


@pytest.mark.parametrize("table", WITH_ROWS)
def test_row_is_neither_changed_nor_deleted(table, reviewed_case) -> None:
    assert refused(f"UPDATE {table} SET id = id")
    assert refused(f"DELETE FROM {table}")


def test_committed_read_is_neither_changed_nor_deleted(blinded, ready_case, colleague, commit_as) -> None:
    commit_as(colleague, ready_case)
    assert refused("UPDATE cases_firstread SET confidence = 1")
    assert refused("DELETE FROM cases_firstread")


@pytest.mark.django_db
def test_every_table_has_its_trigger_in_the_database_that_serves() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT tgrelid::regclass::text, tgname FROM pg_trigger"
                " WHERE NOT tgisinternal AND tgenabled = 'O' AND tgname LIKE 'cases%%'"
            )
            assert set(cursor.fetchall()) == {(table, f"{table}_append_only") for table in TABLES}
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            assert {name for (name,) in cursor.fetchall()} == TRIGGERS


@pytest.mark.django_db
@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="works on an SQLite of its own")
def test_triggers_go_and_come_back_with_their_migration(tmp_path) -> None:
    path = tmp_path / "scratch.sqlite3"
    # Made by all migrations; to run them here once more would take seconds.
    with (
        closing(sqlite3.connect(connection.settings_dict["NAME"])) as whole,
        closing(sqlite3.connect(path)) as copy,
    ):
        whole.backup(copy)
    scratch = ConnectionHandler({"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}})[
        "default"
    ]

    def triggers() -> set[str]:
        with scratch.cursor() as cursor:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            return {row[0] for row in cursor.fetchall()}

    def triggers_after(name: str) -> set[str]:
        MigrationExecutor(scratch).migrate([("cases", name)])
        return triggers()

    newest = max(name for app, name in MigrationExecutor(scratch).loader.disk_migrations if app == "cases")
    try:
        assert triggers() == TRIGGERS
        assert triggers_after("0001_initial") == set()
        assert triggers_after(newest) == TRIGGERS
    finally:
        scratch.close()
