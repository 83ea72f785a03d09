"""Protocols, first reads, drafts, claims, assignments, adjudications, saved views and teaching reads.

SQLite makes the table of reviews anew, and the triggers that keep its rows from being changed go with the old
one; they are put back, in both directions.
"""

import uuid
from typing import Any

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import cases.models.case

SQLITE_TRIGGERS = {
    f"cases_review_no_{verb}": (
        f"CREATE TRIGGER cases_review_no_{verb} BEFORE {verb} ON cases_review "
        "BEGIN SELECT RAISE(ABORT, 'Rows of cases_review are only ever added.'); END;"
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
        ("cases", "0003_prediction_gate"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(migrations.RunPython.noop, put_triggers_back),
        migrations.CreateModel(
            name="Adjudication",
            fields=[
                (
                    "other_finding",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="What the reader sees, where it is none of the network's classes.",
                        max_length=200,
                        verbose_name="other finding",
                    ),
                ),
                (
                    "confidence",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (1, "Very unsure"),
                            (2, "Unsure"),
                            (3, "Fairly sure"),
                            (4, "Sure"),
                            (5, "Certain"),
                        ],
                        verbose_name="confidence",
                    ),
                ),
                ("comment", models.TextField(blank=True, max_length=4000, verbose_name="comment")),
                (
                    "region",
                    models.JSONField(
                        blank=True,
                        help_text="In pixels of the image, as inference.regions describes it.",
                        null=True,
                        verbose_name="marked region",
                    ),
                ),
                (
                    "active_seconds",
                    models.FloatField(
                        blank=True,
                        help_text="With the page in sight and the reader active; empty where it was not measured.",
                        null=True,
                        verbose_name="reading time, seconds",
                    ),
                ),
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("final_class", models.CharField(max_length=40, verbose_name="class by the adjudicator")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="decided")),
            ],
            options={
                "verbose_name": "adjudication",
                "verbose_name_plural": "adjudications",
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Assignment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "verbose_name": "assignment",
                "verbose_name_plural": "assignments",
            },
        ),
        migrations.CreateModel(
            name="Claim",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("expires_at", models.DateTimeField(verbose_name="until")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "verbose_name": "claim",
                "verbose_name_plural": "claims",
            },
        ),
        migrations.CreateModel(
            name="Draft",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("preliminary", "Preliminary")],
                        default="draft",
                        max_length=12,
                        verbose_name="state",
                    ),
                ),
                ("fields", models.JSONField(default=dict, verbose_name="fields")),
                ("revision", models.PositiveIntegerField(default=1, verbose_name="revision")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="changed")),
            ],
            options={
                "verbose_name": "draft",
                "verbose_name_plural": "drafts",
                "ordering": ["-updated_at"],
            },
        ),
        migrations.CreateModel(
            name="FirstRead",
            fields=[
                (
                    "other_finding",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="What the reader sees, where it is none of the network's classes.",
                        max_length=200,
                        verbose_name="other finding",
                    ),
                ),
                (
                    "confidence",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (1, "Very unsure"),
                            (2, "Unsure"),
                            (3, "Fairly sure"),
                            (4, "Sure"),
                            (5, "Certain"),
                        ],
                        verbose_name="confidence",
                    ),
                ),
                ("comment", models.TextField(blank=True, max_length=4000, verbose_name="comment")),
                (
                    "region",
                    models.JSONField(
                        blank=True,
                        help_text="In pixels of the image, as inference.regions describes it.",
                        null=True,
                        verbose_name="marked region",
                    ),
                ),
                (
                    "active_seconds",
                    models.FloatField(
                        blank=True,
                        help_text="With the page in sight and the reader active; empty where it was not measured.",
                        null=True,
                        verbose_name="reading time, seconds",
                    ),
                ),
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("read_class", models.CharField(max_length=40, verbose_name="class by the reader")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="committed")),
            ],
            options={
                "verbose_name": "first read",
                "verbose_name_plural": "first reads",
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Protocol",
            fields=[
                (
                    "reading",
                    models.CharField(
                        choices=[
                            ("ai_first", "AI first"),
                            ("blinded", "Commit, then reveal"),
                            ("teaching", "Teaching"),
                        ],
                        default="ai_first",
                        max_length=10,
                        verbose_name="reading",
                    ),
                ),
                (
                    "readers_required",
                    models.PositiveSmallIntegerField(
                        default=1,
                        help_text="A case counts as reviewed once this many people have read it.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(20),
                        ],
                        verbose_name="readers a case",
                    ),
                ),
                (
                    "reading_order",
                    models.CharField(
                        choices=[
                            ("oldest", "Oldest first"),
                            ("random", "Random"),
                            ("priority", "By priority, then oldest first"),
                        ],
                        default="oldest",
                        max_length=10,
                        verbose_name="order",
                    ),
                ),
                (
                    "reveals_ground_truth",
                    models.BooleanField(
                        default=True,
                        help_text="Where the class of a case is known, a reader who has finished the case is shown it.",
                        verbose_name="known classes are shown",
                    ),
                ),
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("version", models.PositiveIntegerField(verbose_name="version")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="frozen")),
            ],
            options={
                "verbose_name": "protocol",
                "verbose_name_plural": "protocols",
                "ordering": ["cohort", "-version"],
            },
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                ("query", models.CharField(blank=True, max_length=1000, verbose_name="filters")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "verbose_name": "saved view",
                "verbose_name_plural": "saved views",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="TeachingRead",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("read_class", models.CharField(max_length=40, verbose_name="class by the reader")),
                (
                    "confidence",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (1, "Very unsure"),
                            (2, "Unsure"),
                            (3, "Fairly sure"),
                            (4, "Sure"),
                            (5, "Certain"),
                        ],
                        verbose_name="confidence",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="given")),
            ],
            options={
                "verbose_name": "teaching read",
                "verbose_name_plural": "teaching reads",
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="case",
            name="case_state_known",
        ),
        migrations.AddField(
            model_name="case",
            name="priority",
            field=models.PositiveSmallIntegerField(
                choices=[(0, "Routine"), (1, "Urgent"), (2, "Immediate")],
                db_default=0,
                default=0,
                verbose_name="priority",
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="shuffle",
            field=models.PositiveIntegerField(
                db_default=0,
                default=cases.models.case.new_shuffle,
                editable=False,
                verbose_name="place in the random order",
            ),
        ),
        migrations.AddField(
            model_name="cohort",
            name="adjudicator",
            field=models.ForeignKey(
                blank=True,
                help_text="Decides where the readers of a case differ. Empty: nobody does.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="adjudicator",
            ),
        ),
        migrations.AddField(
            model_name="cohort",
            name="protocol_version",
            field=models.PositiveIntegerField(
                default=1, editable=False, verbose_name="version of the protocol"
            ),
        ),
        migrations.AddField(
            model_name="cohort",
            name="reading",
            field=models.CharField(
                choices=[
                    ("ai_first", "AI first"),
                    ("blinded", "Commit, then reveal"),
                    ("teaching", "Teaching"),
                ],
                default="ai_first",
                max_length=10,
                verbose_name="reading",
            ),
        ),
        migrations.AddField(
            model_name="cohort",
            name="reading_order",
            field=models.CharField(
                choices=[
                    ("oldest", "Oldest first"),
                    ("random", "Random"),
                    ("priority", "By priority, then oldest first"),
                ],
                default="oldest",
                max_length=10,
                verbose_name="order",
            ),
        ),
        migrations.AddField(
            model_name="cohort",
            name="reveals_ground_truth",
            field=models.BooleanField(
                default=True,
                help_text="Where the class of a case is known, a reader who has finished the case is shown it.",
                verbose_name="known classes are shown",
            ),
        ),
        migrations.AddField(
            model_name="review",
            name="active_seconds",
            field=models.FloatField(
                blank=True,
                help_text="With the page in sight and the reader active; empty where it was not measured.",
                null=True,
                verbose_name="reading time, seconds",
            ),
        ),
        migrations.AddField(
            model_name="review",
            name="other_finding",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="What the reader sees, where it is none of the network's classes.",
                max_length=200,
                verbose_name="other finding",
            ),
        ),
        migrations.AddField(
            model_name="review",
            name="region",
            field=models.JSONField(
                blank=True,
                help_text="In pixels of the image, as inference.regions describes it.",
                null=True,
                verbose_name="marked region",
            ),
        ),
        migrations.AlterField(
            model_name="case",
            name="state",
            field=models.CharField(
                choices=[
                    ("open", "Open"),
                    ("in_review", "In review"),
                    ("disputed", "To be adjudicated"),
                    ("reviewed", "Reviewed"),
                    ("closed", "Closed"),
                ],
                default="open",
                max_length=12,
                verbose_name="state",
            ),
        ),
        migrations.AlterField(
            model_name="cohort",
            name="readers_required",
            field=models.PositiveSmallIntegerField(
                default=1,
                help_text="A case counts as reviewed once this many people have read it.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(20),
                ],
                verbose_name="readers a case",
            ),
        ),
        migrations.AlterField(
            model_name="review",
            name="final_class",
            field=models.CharField(
                help_text="The predicted class where the reader agrees, the reader's own otherwise.",
                max_length=40,
                verbose_name="class by the reader",
            ),
        ),
        migrations.AddConstraint(
            model_name="cohort",
            constraint=models.CheckConstraint(
                condition=models.Q(("reading__in", ["ai_first", "blinded", "teaching"])),
                name="cohort_reading_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="cohort",
            constraint=models.CheckConstraint(
                condition=models.Q(("reading_order__in", ["oldest", "random", "priority"])),
                name="cohort_order_known",
            ),
        ),
        migrations.AddField(
            model_name="adjudication",
            name="adjudicator",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="adjudications",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="adjudication",
            name="case",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="adjudication", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="assignment",
            name="assigned_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="assignment",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="assignments", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="assignment",
            name="reader",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="assignments",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="claim",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="claims", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="claim",
            name="reader",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="claims",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="draft",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="drafts", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="draft",
            name="prediction",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="cases.prediction",
            ),
        ),
        migrations.AddField(
            model_name="draft",
            name="reader",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="drafts",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="firstread",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="first_reads", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="firstread",
            name="reader",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="first_reads",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="protocol",
            name="adjudicator",
            field=models.ForeignKey(
                blank=True,
                help_text="Decides where the readers of a case differ. Empty: nobody does.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="adjudicator",
            ),
        ),
        migrations.AddField(
            model_name="protocol",
            name="cohort",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="protocols", to="cases.cohort"
            ),
        ),
        migrations.AddField(
            model_name="firstread",
            name="protocol",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="cases.protocol",
            ),
        ),
        migrations.AddField(
            model_name="adjudication",
            name="protocol",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="cases.protocol",
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="protocol",
            field=models.ForeignKey(
                blank=True,
                help_text="The version that its reading began under; empty before.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="cases",
                to="cases.protocol",
            ),
        ),
        migrations.AddField(
            model_name="review",
            name="protocol",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="cases.protocol",
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["open", "in_review", "disputed", "reviewed", "closed"])),
                name="case_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("final_class", "other"), models.Q(("other_finding", ""), _negated=True)),
                    models.Q(models.Q(("final_class", "other"), _negated=True), ("other_finding", "")),
                    _connector="OR",
                ),
                name="review_other_named",
            ),
        ),
        migrations.AddField(
            model_name="savedview",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="saved_views",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="teachingread",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="teaching_reads", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="teachingread",
            name="prediction",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="teaching_reads",
                to="cases.prediction",
            ),
        ),
        migrations.AddField(
            model_name="teachingread",
            name="reader",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="teaching_reads",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.UniqueConstraint(fields=("case", "reader"), name="assignment_once_a_reader"),
        ),
        migrations.AddIndex(
            model_name="claim",
            index=models.Index(fields=["expires_at"], name="claim_expiry"),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.UniqueConstraint(fields=("case", "reader"), name="claim_once_a_reader"),
        ),
        migrations.AddIndex(
            model_name="draft",
            index=models.Index(fields=["state", "updated_at"], name="draft_to_finalise"),
        ),
        migrations.AddConstraint(
            model_name="draft",
            constraint=models.UniqueConstraint(fields=("case", "reader"), name="draft_once_a_reader"),
        ),
        migrations.AddConstraint(
            model_name="draft",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["draft", "preliminary"])), name="draft_state_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="protocol",
            constraint=models.UniqueConstraint(fields=("cohort", "version"), name="protocol_version_once"),
        ),
        migrations.AddConstraint(
            model_name="protocol",
            constraint=models.CheckConstraint(
                condition=models.Q(("reading__in", ["ai_first", "blinded", "teaching"])),
                name="protocol_reading_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="firstread",
            constraint=models.UniqueConstraint(fields=("case", "reader"), name="first_read_once_a_reader"),
        ),
        migrations.AddConstraint(
            model_name="firstread",
            constraint=models.CheckConstraint(
                condition=models.Q(("confidence__in", [1, 2, 3, 4, 5])), name="first_read_confidence_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="firstread",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("read_class", "other"), models.Q(("other_finding", ""), _negated=True)),
                    models.Q(models.Q(("read_class", "other"), _negated=True), ("other_finding", "")),
                    _connector="OR",
                ),
                name="first_read_other_named",
            ),
        ),
        migrations.AddConstraint(
            model_name="adjudication",
            constraint=models.CheckConstraint(
                condition=models.Q(("confidence__in", [1, 2, 3, 4, 5])), name="adjudication_confidence_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="adjudication",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("final_class", "other"), models.Q(("other_finding", ""), _negated=True)),
                    models.Q(models.Q(("final_class", "other"), _negated=True), ("other_finding", "")),
                    _connector="OR",
                ),
                name="adjudication_other_named",
            ),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(fields=("user", "name"), name="saved_view_name_once"),
        ),
        migrations.AddIndex(
            model_name="teachingread",
            index=models.Index(fields=["reader", "-created_at"], name="teaching_newest"),
        ),
        migrations.AddConstraint(
            model_name="teachingread",
            constraint=models.CheckConstraint(
                condition=models.Q(("confidence__in", [1, 2, 3, 4, 5])), name="teaching_confidence_known"
            ),
        ),
        migrations.RunPython(put_triggers_back, migrations.RunPython.noop),
    ]
