"""`manage.py grant_application`: the database role under which the portal works, which owns nothing."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from psycopg2 import sql

from portal.settings.env import env

PASSWORD = "APPLICATION_DATABASE_PASSWORD"  # noqa: S105 - a name
# Reading and writing rows. Not TRUNCATE, which no trigger of a row sees, nor TRIGGER, which takes one away.
_RIGHTS = "SELECT, INSERT, UPDATE, DELETE"


class Command(BaseCommand):
    help = (
        "Make the PostgreSQL role under which web and workers work, or give it another password, and let it "
        "read and write the rows of all tables, present and to come. It owns nothing: it cannot empty a "
        "table, take a trigger away, change a table or run a program. Called by the owner, after migrations. "
        f"The password stands in {PASSWORD}."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", help="the name of the role, such as secondread_app")

    def handle(self, *, role: str, **_options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("Only PostgreSQL has roles; a file of SQLite is its owner's.")
        password = env.str(PASSWORD, default="")
        if not password:
            raise CommandError(f"Set {PASSWORD} to the password that the role is to have.")
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user = %s", [role])
            if cursor.fetchone()[0]:
                raise CommandError("The owner cannot be the role that owns nothing. Name another one.")
            cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = %s", [role])
            known = cursor.fetchone()
            if known and known[0]:
                raise CommandError(f"{role} may do everything in this server. Name another role.")
            for statement in _statements(sql.Identifier(role), sql.Literal(password), is_new=known is None):
                # psycopg2 quotes names and password itself; Django's cursor wants plain text.
                cursor.execute(statement.as_string(cursor.cursor))
        self.stdout.write(f"{role} may read and write rows, and owns nothing.")


def _statements(role: sql.Identifier, password: sql.Literal, *, is_new: bool) -> list[sql.Composed]:
    texts = [
        ("CREATE" if is_new else "ALTER") + " ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE "
        "NOREPLICATION PASSWORD {password}",
        "REVOKE ALL ON SCHEMA public FROM {role}",
        # Of a database that PostgreSQL 14 or an older one made.
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
        "GRANT USAGE ON SCHEMA public TO {role}",
        "GRANT " + _RIGHTS + " ON ALL TABLES IN SCHEMA public TO {role}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        # Of tables that a later migration makes before this runs again.
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT " + _RIGHTS + " ON TABLES TO {role}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {role}",
    ]
    return [sql.SQL(text).format(role=role, password=password) for text in texts]
