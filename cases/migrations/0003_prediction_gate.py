"""Keep with each prediction what the input gate said, and whether the image was in the training data.

SQLite makes the table anew to add a constraint, and the triggers that keep its rows from being changed go with
the old one; they are put back, in both directions.
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


def put_triggers_back(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "sqlite":
        for name, statement in SQLITE_TRIGGERS.items():
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {name};", params=None)
            schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0002_append_only"),
    ]

    operations = [
        migrations.RunPython(migrations.RunPython.noop, put_triggers_back),
        migrations.AddField(
            model_name="prediction",
            name="gate_distance",
            field=models.FloatField(
                blank=True,
                help_text="As the gate measures it; only numbers of one network version can be compared.",
                null=True,
                verbose_name="distance from the training images",
            ),
        ),
        migrations.AddField(
            model_name="prediction",
            name="gate_verdict",
            field=models.CharField(
                blank=True,
                choices=[("accepted", "Accepted"), ("uncertain", "Uncertain"), ("refused", "Refused")],
                db_default="",
                default="",
                help_text="Empty where the network has no gate.",
                max_length=10,
                verbose_name="verdict of the input gate",
            ),
        ),
        migrations.AddField(
            model_name="prediction",
            name="in_training",
            field=models.BooleanField(
                blank=True,
                help_text="Empty where the network does not say what it was trained on.",
                null=True,
                verbose_name="was in the training data",
            ),
        ),
        migrations.AddConstraint(
            model_name="prediction",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("gate_distance__isnull", True), ("gate_verdict", "")),
                    models.Q(
                        ("gate_distance__isnull", False),
                        ("gate_verdict__in", ["accepted", "uncertain", "refused"]),
                    ),
                    _connector="OR",
                ),
                name="prediction_gate_known",
            ),
        ),
        migrations.RunPython(put_triggers_back, migrations.RunPython.noop),
    ]
