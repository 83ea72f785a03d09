"""What the migrations make of networks and predictions of before, and that the triggers wake again."""

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from cases.models import ModelVersion, Prediction

pytestmark = pytest.mark.both_databases

LITE_1 = "6f3587c00d3a8c22357ac107da2d3079f953aef68d437953b131e86be4c1670f"


def execute(statement: str, params: Any = ()) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


EDITOR = SimpleNamespace(connection=connection, execute=execute)


@pytest.fixture
def of_before(submit_many, analyse_as, model_version):
    """Results that a worker of before has stored, which knew no suspicion."""
    case = submit_many(2)
    analyse_as(case, "notumor", 0.9, position=0)
    analyse_as(case, "glioma", 0.8, position=1)
    suspicion = import_module("cases.migrations.0009_prediction_suspicion")
    suspicion.rest_triggers(apps, EDITOR)
    Prediction.objects.update(suspicion=0.0)
    suspicion.wake_triggers(apps, EDITOR)
    return suspicion


def test_results_of_before_get_their_suspicion_and_stay_unchangeable(of_before) -> None:
    of_before.rest_triggers(apps, EDITOR)
    of_before.fill(apps, EDITOR)
    of_before.wake_triggers(apps, EDITOR)
    kept = Prediction.objects.order_by("image__position").values_list("suspicion", flat=True)
    assert list(kept) == pytest.approx([-0.9, 0.8])
    with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic():
        Prediction.objects.update(suspicion=1.0)


def test_networks_that_shipped_before_are_known_by_their_weights(model_version) -> None:
    naming = import_module("cases.migrations.0008_negative_class")
    manifest = {name: value for name, value in model_version.manifest.items() if name != "negative_class"}
    shipped = ModelVersion.objects.create(name="lite-1", weights_sha256=LITE_1, manifest=manifest)
    ModelVersion.objects.filter(pk=model_version.pk).update(manifest=manifest)
    naming.name_the_class(apps, EDITOR)
    for version in (shipped, model_version):
        version.refresh_from_db()
    assert (shipped.negative_class, model_version.negative_class) == ("notumor", None)
    naming.forget_the_class(apps, EDITOR)
    shipped.refresh_from_db()
    assert shipped.manifest == manifest
