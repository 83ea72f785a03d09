"""Let the database keep first reads, adjudications and protocols as they were made; draw each case its random place."""

import secrets
from typing import Any

from django.db import migrations

APPEND_ONLY = ("cases_firstread", "cases_adjudication", "cases_protocol")
SHUFFLE_END = 2**31
BATCH = 1000


def _statements(vendor: str) -> list[str]:
    if vendor == "postgresql":
        return [
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION cases_refuse_change();"
            for table in APPEND_ONLY
        ]
    return [
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'Rows of {table} are only ever added.'); END;"
        for table in APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    ]


def _undo_statements(vendor: str) -> list[str]:
    if vendor == "postgresql":
        return [f"DROP TRIGGER {table}_append_only ON {table};" for table in APPEND_ONLY]
    return [f"DROP TRIGGER {table}_no_{verb};" for table in APPEND_ONLY for verb in ("UPDATE", "DELETE")]


def add_triggers(apps: Any, schema_editor: Any) -> None:
    for statement in _statements(schema_editor.connection.vendor):
        schema_editor.execute(statement, params=None)


def remove_triggers(apps: Any, schema_editor: Any) -> None:
    for statement in _undo_statements(schema_editor.connection.vendor):
        schema_editor.execute(statement, params=None)


def draw_places(apps: Any, schema_editor: Any) -> None:
    """Cases of before got one and the same place from the column's default."""
    cases = apps.get_model("cases", "Case").objects
    batch = []
    for case in cases.only("pk").iterator(chunk_size=BATCH):
        case.shuffle = secrets.randbelow(SHUFFLE_END)
        batch.append(case)
        if len(batch) == BATCH:
            cases.bulk_update(batch, ["shuffle"])
            batch.clear()
    cases.bulk_update(batch, ["shuffle"])


class Migration(migrations.Migration):
    dependencies = [("cases", "0004_reading_room")]
    operations = [
        migrations.RunPython(draw_places, migrations.RunPython.noop),
        migrations.RunPython(add_triggers, remove_triggers),
    ]
