"""Keep with each prediction how much it speaks for a finding, by which one of several images stands for the case.

The database keeps predictions as they were made; here, and only here, its triggers rest while the new column of
the old rows is filled from what they say already. SQLite loses the triggers whenever it makes the table anew.
"""

from typing import Any

from django.db import migrations, models

SQLITE_TRIGGERS = {
    f"cases_prediction_no_{verb}": (
        f"CREATE TRIGGER cases_prediction_no_{verb} BEFORE {verb} ON cases_prediction "
        "BEGIN SELECT RAISE(ABORT, 'Rows of cases_prediction are only ever added.'); END;"
    )
    for verb in ("UPDATE", "DELETE")
}


def _alter_on_postgresql(schema_editor: Any, change: str) -> None:
    # It alters no table on which a deferred check is still due, as one is of a row that was changed twice.
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE;")
    schema_editor.execute(f"ALTER TABLE cases_prediction {change} TRIGGER cases_prediction_append_only;")


def rest_triggers(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        _alter_on_postgresql(schema_editor, "DISABLE")
    else:
        for name in SQLITE_TRIGGERS:
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {name};", params=None)


def wake_triggers(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        _alter_on_postgresql(schema_editor, "ENABLE")
    else:
        for name, statement in SQLITE_TRIGGERS.items():
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {name};", params=None)
            schema_editor.execute(statement, params=None)


def fill(apps: Any, schema_editor: Any) -> None:
    predictions = apps.get_model("cases", "Prediction").objects
    predictions.update(suspicion=models.F("confidence"))
    for version in apps.get_model("cases", "ModelVersion").objects.all():
        if negative := version.manifest.get("negative_class"):
            nothing_found = predictions.filter(model_version=version, predicted_class=negative)
            nothing_found.update(suspicion=-models.F("confidence"))


class Migration(migrations.Migration):
    dependencies = [("cases", "0008_negative_class")]
    operations = [
        migrations.RunPython(migrations.RunPython.noop, wake_triggers),
        migrations.AddField(
            model_name="prediction",
            name="suspicion",
            field=models.FloatField(
                db_default=0.0,
                default=0.0,
                help_text=(
                    "The probability of the predicted class, below zero where that class means “nothing "
                    "found”: of several images the one with the most stands for the case."
                ),
                verbose_name="suspicion",
            ),
        ),
        migrations.RunPython(rest_triggers, rest_triggers),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunPython(wake_triggers, migrations.RunPython.noop),
    ]
