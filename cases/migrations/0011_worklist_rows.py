"""Copy into each case the result that stands for it: rules 2 to 5 of cases/analysis/results.py, as they are by now."""

from typing import Any

from django.db import migrations
from django.db.models import Case, Exists, F, IntegerField, OuterRef, Subquery, Value, When
from django.db.models.functions import Coalesce


def copy_what_stands(apps: Any, schema_editor: Any) -> None:
    reviews = apps.get_model("cases", "Review").objects
    predictions = apps.get_model("cases", "Prediction").objects
    at_work = apps.get_model("cases", "Job").objects.filter(
        image__case=OuterRef("image__case"),
        model_version=OuterRef("model_version"),
        status__in=("queued", "running"),
    )
    given = reviews.filter(prediction=OuterRef("pk"), amended_by__isnull=True).order_by("-created_at")
    standing = (
        predictions.filter(image__case=OuterRef("pk"))
        .annotate(
            read_at=Subquery(given.values("created_at")[:1]),
            shown=Case(When(gate_verdict="refused", then=None), default=F("confidence")),
            is_refused=Case(
                When(gate_verdict="refused", then=Value(1)), default=Value(0), output_field=IntegerField()
            ),
        )
        .filter(~Exists(at_work) | Exists(given))
        .order_by(
            F("read_at").desc(nulls_last=True),
            "-model_version__is_active",
            "-model_version__registered_at",
            "is_refused",
            "-suspicion",
            "image__position",
        )
    )
    apps.get_model("cases", "Case").objects.update(
        found_class=Coalesce(Subquery(standing.values("predicted_class")[:1]), Value("")),
        found_gate=Coalesce(Subquery(standing.values("gate_verdict")[:1]), Value("")),
        found_certainty=Subquery(standing.values("shown")[:1]),
    )


class Migration(migrations.Migration):
    dependencies = [("cases", "0010_worklist")]
    operations = [migrations.RunPython(copy_what_stands, migrations.RunPython.noop)]
