"""`python -m tests.support.folding`: let the first migration make each table whole.

`makemigrations` adds most indexes and constraints to tables that are there already. SQLite makes a table anew
for each constraint, and Django the models around it for each of both: most of the time that migrating takes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import django
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import SwappableTuple
from django.db.migrations.operations import AddConstraint, AddField, AddIndex, CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.writer import MigrationWriter

FIRST = "0001_initial"
APPS = ("cases", "accounts")


def folded(operations: Sequence[Operation], app: str) -> list[Operation]:
    """The same tables, where each CreateModel has its indexes and constraints.

    A model that gets a field later, since it and another point at each other, keeps those added.
    """
    late = {each.model_name_lower for each in operations if isinstance(each, AddField)}
    found: list[Operation] = []
    place: dict[str, int] = {}
    for each in operations:
        if isinstance(each, CreateModel):
            place[each.name_lower] = len(found)
        elif isinstance(each, AddIndex | AddConstraint) and each.model_name_lower in place.keys() - late:
            at = place[each.model_name_lower]
            whole = found[at].reduce(each, app)
            assert isinstance(whole, list), each
            [found[at]] = whole
            continue
        found.append(each)
    return found


def first_migration(app: str) -> Migration:
    return MigrationLoader(None).get_migration(app, FIRST)


def fold(app: str) -> None:
    """Write the app's first migration anew."""
    migration = first_migration(app)
    # As the writer knows what a setting names; nothing else of ours is swappable.
    dependencies = [
        ("__setting__", "AUTH_USER_MODEL") if isinstance(each, SwappableTuple) else each
        for each in migration.dependencies
    ]
    changed = {"dependencies": dependencies, "operations": folded(migration.operations, app)}
    writer = MigrationWriter(type("Migration", (type(migration),), changed)(FIRST, app))
    Path(writer.path).write_text(writer.as_string(), "utf-8")
    for command in (["check", "--select=I", "--fix"], ["format"]):
        subprocess.run([sys.executable, "-m", "ruff", *command, "--quiet", writer.path], check=True)


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings.test"
    django.setup()
    for app in APPS:
        fold(app)


if __name__ == "__main__":
    main()
