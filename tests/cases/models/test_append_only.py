"""Rows that are only ever added stay so through every later migration, in both directions."""

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import ConnectionHandler

from cases.models import Prediction

pytestmark = pytest.mark.both_databases

TABLES = ("cases_prediction", "cases_review", "cases_auditevent")
TABLES_OF_THE_READING_ROOM = ("cases_firstread", "cases_adjudication", "cases_protocol")
BEFORE_THE_GATE = "0002_append_only"


def refused(sql: str) -> bool:
    """Whether the database itself refuses to run `sql`."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    except DatabaseError as error:
        return "only ever added" in str(error)
    return False


@pytest.mark.parametrize("table", TABLES)
def test_row_is_neither_changed_nor_deleted(table, reviewed_case) -> None:
    assert refused(f"UPDATE {table} SET id = id")
    assert refused(f"DELETE FROM {table}")


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has a test of its own below")
def test_postgresql_keeps_predictions_append_only_without_and_with_the_gate(reviewed_case) -> None:
    call_command("migrate", "cases", BEFORE_THE_GATE, verbosity=0)
    try:
        assert refused("DELETE FROM cases_prediction")
    finally:
        call_command("migrate", "cases", verbosity=0)
    assert refused("UPDATE cases_prediction SET gate_verdict = 'accepted'")
    kept = Prediction.objects.get()
    assert (kept.gate_verdict, kept.gate_distance, kept.in_training) == ("", None, None)


@pytest.mark.django_db
@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL has a test of its own above")
def test_sqlite_has_its_triggers_without_and_with_the_gate(tmp_path) -> None:
    scratch = ConnectionHandler(
        {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "scratch.sqlite3")}}
    )["default"]

    def triggers_after(name: str) -> set[str]:
        MigrationExecutor(scratch).migrate([("cases", name)])
        with scratch.cursor() as cursor:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            return {row[0] for row in cursor.fetchall()}

    before = {f"{table}_no_{verb}" for table in TABLES for verb in ("UPDATE", "DELETE")}
    since = {f"{table}_no_{verb}" for table in TABLES_OF_THE_READING_ROOM for verb in ("UPDATE", "DELETE")}
    newest = max(name for app, name in MigrationExecutor(scratch).loader.disk_migrations if app == "cases")
    try:
        assert triggers_after(newest) == before | since
        assert triggers_after(BEFORE_THE_GATE) == before
        assert triggers_after(newest) == before | since
    finally:
        scratch.close()
