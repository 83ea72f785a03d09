"""The role under which the portal works in PostgreSQL: it reads and writes rows, and owns nothing."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from typing import Any

import psycopg2
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from cases.models import AuditEvent

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="needs a real PostgreSQL"),
]
PASSWORD = "a password, 'quoted' and \"long\" {enough}; %s"


@pytest.fixture
def role(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    # Roles are the server's, which several processes of tests share.
    name = f"app-{uuid.uuid4().hex[:8]}"
    monkeypatch.setenv("APPLICATION_DATABASE_PASSWORD", PASSWORD)
    call_command("grant_application", name, stdout=StringIO())
    yield name
    with connection.cursor() as cursor:
        cursor.execute(f'DROP OWNED BY "{name}"')
        cursor.execute(f'DROP ROLE "{name}"')


@pytest.fixture
def as_application(role: str) -> Iterator[Any]:
    """A cursor of the role, as the portal would have it."""
    settings = connection.get_connection_params()
    wanted = {"host": settings.get("host"), "port": settings.get("port"), "dbname": settings["dbname"]}
    with closing(psycopg2.connect(**wanted, user=role, password=PASSWORD)) as link:
        link.autocommit = True
        with link.cursor() as cursor:
            yield cursor


def test_role_reads_and_adds_and_the_triggers_go_on_refusing(as_application, owner) -> None:
    event = AuditEvent.objects.create(actor=owner, action="case.opened", subject_type="case", subject="1")
    as_application.execute("SELECT action FROM cases_auditevent WHERE id = %s", [str(event.pk)])
    assert as_application.fetchone() == ("case.opened",)
    as_application.execute("UPDATE accounts_user SET full_name = 'Renamed' WHERE id = %s", [str(owner.pk)])
    assert as_application.rowcount == 1
    # With a key from a sequence.
    as_application.execute("INSERT INTO django_content_type (app_label, model) VALUES ('a', 'b')")
    as_application.execute("DELETE FROM django_content_type WHERE app_label = 'a'")
    assert as_application.rowcount == 1
    with pytest.raises(psycopg2.errors.IntegrityConstraintViolation):
        as_application.execute("DELETE FROM cases_auditevent")


@pytest.mark.parametrize(
    "sql",
    [
        "TRUNCATE cases_auditevent CASCADE",
        "ALTER TABLE cases_auditevent DISABLE TRIGGER cases_auditevent_append_only",
        "DROP TRIGGER cases_auditevent_append_only ON cases_auditevent",
        "DROP TABLE cases_auditevent",
        "ALTER TABLE cases_auditevent ADD COLUMN more text",
        "CREATE TABLE public.own (id int)",
        "CREATE OR REPLACE FUNCTION cases_refuse_change() RETURNS trigger AS 'BEGIN END' LANGUAGE plpgsql",
        "SET session_replication_role = replica",
        "COPY accounts_user TO PROGRAM 'cat'",
        "COPY accounts_user TO '/tmp/users'",
        "SELECT pg_read_file('/etc/passwd')",
        "CREATE ROLE another SUPERUSER",
        "ALTER ROLE CURRENT_USER SUPERUSER",
    ],
)
def test_role_can_do_nothing_else(as_application, sql) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        as_application.execute(sql)


def test_table_of_a_later_migration_is_open_as_well(as_application) -> None:
    with connection.cursor() as owner:
        owner.execute("CREATE TABLE later (id serial PRIMARY KEY, word text)")
    try:
        as_application.execute("INSERT INTO later (word) VALUES ('there') RETURNING id")
        assert as_application.fetchone() == (1,)
    finally:
        with connection.cursor() as owner:
            owner.execute("DROP TABLE later")


def test_called_again_it_gives_the_new_password(role, monkeypatch) -> None:
    monkeypatch.setenv("APPLICATION_DATABASE_PASSWORD", "another one")
    said = StringIO()
    call_command("grant_application", role, stdout=said)
    assert said.getvalue() == f"{role} may read and write rows, and owns nothing.\n"


def test_owner_or_a_superuser_is_not_taken_for_it(monkeypatch) -> None:
    monkeypatch.setenv("APPLICATION_DATABASE_PASSWORD", PASSWORD)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        owner = cursor.fetchone()[0]
    with pytest.raises(CommandError, match="Name another one"):
        call_command("grant_application", owner)
    monkeypatch.delenv("APPLICATION_DATABASE_PASSWORD")
    with pytest.raises(CommandError, match="Set APPLICATION_DATABASE_PASSWORD"):
        call_command("grant_application", "anybody")
