"""Let the database itself refuse to change or delete what is only ever added."""

from typing import Any

from django.db import migrations

APPEND_ONLY = (
    "cases_prediction",
    "cases_review",
    "cases_accessevent",
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

POSTGRESQL_FUNCTION = """
CREATE FUNCTION cases_refuse_change() RETURNS trigger AS $$
BEGIN
    RAISE EXCEPTION 'Rows of % are only ever added.', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$ LANGUAGE plpgsql;
"""


def _statements(vendor: str) -> list[str]:
    if vendor == "postgresql":
        return [POSTGRESQL_FUNCTION] + [
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
        return [f"DROP TRIGGER {table}_append_only ON {table};" for table in APPEND_ONLY] + [
            "DROP FUNCTION cases_refuse_change();"
        ]
    return [f"DROP TRIGGER {table}_no_{verb};" for table in APPEND_ONLY for verb in ("UPDATE", "DELETE")]


def add_triggers(apps: Any, schema_editor: Any) -> None:
    for statement in _statements(schema_editor.connection.vendor):
        schema_editor.execute(statement, params=None)


def remove_triggers(apps: Any, schema_editor: Any) -> None:
    for statement in _undo_statements(schema_editor.connection.vendor):
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("cases", "0001_initial")]
    operations = [migrations.RunPython(add_triggers, remove_triggers)]
