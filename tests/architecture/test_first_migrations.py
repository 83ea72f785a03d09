"""The first migrations make each table whole, which is what they take their time for otherwise."""

from __future__ import annotations

import pytest
from django.db import models
from django.db.migrations.operations import AddConstraint, AddField, AddIndex, CreateModel

from tests.support.folding import APPS, first_migration, folded

NUMBER = models.AutoField(primary_key=True)


@pytest.mark.parametrize("app", APPS)
def test_first_migration_adds_nothing_to_a_table_that_it_could_make_whole(app) -> None:
    operations = list(first_migration(app).operations)
    assert folded(operations, app) == operations, "run `python -m tests.support.folding`"


def test_folding_leaves_alone_what_gets_a_field_later() -> None:
    made, late = (CreateModel(name, [("id", NUMBER)]) for name in ("Made", "Late"))
    once = models.UniqueConstraint(fields=["id"], name="once")
    quick, of_late = (models.Index(fields=["id"], name=name) for name in ("quick", "of_late"))
    field = AddField("late", "made", models.ForeignKey("Made", on_delete=models.CASCADE))
    added = AddIndex("late", of_late)
    found = folded([made, late, field, AddConstraint("made", once), added, AddIndex("made", quick)], "cases")
    assert found[1:] == [late, field, added]
    assert isinstance(found[0], CreateModel)
    assert found[0].options == {"constraints": [once], "indexes": [quick]}
