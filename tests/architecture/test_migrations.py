"""What `make check` says of migrations that the code of the last release meets while a new one comes in."""

from __future__ import annotations

import importlib
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.db import migrations, models
from django.db.migrations.state import ModelState, ProjectState

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / ".ci")
    return importlib.import_module("migrations")


@pytest.fixture
def state() -> ProjectState:
    found = ProjectState()
    fields: list[tuple[str, models.Field[Any, Any]]] = [
        ("id", models.BigAutoField(primary_key=True)),
        ("code", models.CharField(max_length=20)),
        ("note", models.TextField(null=True)),
    ]
    found.add_model(ModelState("cases", "Case", fields))
    return found


CHARS = models.CharField
UNIQUE = models.UniqueConstraint(fields=["code"], name="one")


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        (migrations.AddField("case", "more", CHARS(max_length=5, null=True)), ""),
        (migrations.AddField("case", "more", CHARS(max_length=5, default="", db_default="")), ""),
        (migrations.AddField("case", "others", models.ManyToManyField("cases.Case")), ""),
        (migrations.AddField("case", "more", CHARS(max_length=5, default="")), "writes rows without it"),
        (migrations.RemoveField("case", "note"), "take it away in the release after"),
        (migrations.RenameField("case", "note", "words"), "take it away in the release after"),
        (migrations.RenameModel("Case", "Study"), "take it away in the release after"),
        (migrations.DeleteModel("Case"), "take it away in the release after"),
        (migrations.AlterModelTable("case", "studies"), "take it away in the release after"),
        (migrations.AlterField("case", "code", CHARS(max_length=30)), ""),
        (migrations.AlterField("case", "code", CHARS(max_length=20, help_text="Words.")), ""),
        (migrations.AlterField("case", "code", CHARS(max_length=10)), "writes up to 20 characters"),
        (migrations.AlterField("case", "code", CHARS(max_length=20, unique=True)), "may write it twice"),
        (migrations.AlterField("case", "code", models.IntegerField()), "another type or column"),
        (migrations.AlterField("case", "note", models.TextField()), "writes rows without it"),
        (migrations.AlterField("case", "note", models.TextField(db_default="")), ""),
        (migrations.AddIndex("case", models.Index(fields=["code"], name="by_code")), ""),
        (migrations.AddConstraint("case", UNIQUE), "may write rows that are refused"),
        (migrations.RunSQL("SELECT 1", "SELECT 1"), "nothing here sees what it does"),
        (migrations.RunPython(migrations.RunPython.noop), "nothing here sees what it does"),
        (migrations.SeparateDatabaseAndState([migrations.RemoveField("case", "note")], []), "release after"),
        (migrations.SeparateDatabaseAndState([], [migrations.RemoveField("case", "note")]), ""),
    ],
    ids=lambda value: value.describe() if hasattr(value, "describe") else value,
)
def test_operation_is_refused_where_the_old_code_would_fail(
    check: ModuleType, state: ProjectState, operation: Any, fault: str
) -> None:
    found = list(check.faults_of([operation], "cases", state))
    assert len(found) == bool(fault)
    assert all(fault in each for each in found)


def test_what_is_made_by_the_same_migration_may_be_narrowed_by_it(
    check: ModuleType, state: ProjectState
) -> None:
    made = migrations.CreateModel("Fresh", [("id", models.BigAutoField(primary_key=True))])
    narrowed = migrations.AddField("fresh", "code", CHARS(max_length=5, default=""))
    assert list(check.faults_of([made, narrowed], "cases", state)) == []


def test_before_the_first_release_nothing_can_be_broken(
    check: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "ROOT", tmp_path)
    assert check.main([]) == 0
    assert "nothing was released" in capsys.readouterr().out


def test_migration_is_one_that_was_added_since_the_last_tag_or_touched_since(
    check: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "ROOT", tmp_path)
    folder = tmp_path / "cases" / "migrations"
    folder.mkdir(parents=True)

    def git(*arguments: str) -> None:
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    (folder / "0001_initial.py").write_text("first\n", encoding="utf-8")
    git("add", ".")
    git("commit", "-m", "One.")
    git("tag", "v1.0")
    assert check.last_release() == "v1.0"
    assert check.changed_since("v1.0") == ([], [])
    (folder / "0001_initial.py").write_text("another\n", encoding="utf-8")
    (folder / "0002_more.py").write_text("more\n", encoding="utf-8")
    (folder / "__init__.py").write_text("", encoding="utf-8")
    git("add", ".")
    assert check.changed_since("v1.0") == (
        ["cases/migrations/0002_more.py"],
        ["cases/migrations/0001_initial.py"],
    )


def test_migrations_of_the_portal_are_found_and_read(check: ModuleType) -> None:
    """They make their tables, so that there is no old code; what hands rules to the database stands apart."""
    assert check.faults_of_file("cases/migrations/0001_initial.py") == []
    assert check.faults_of_file("portal/accounts/migrations/0001_initial.py") == []
    told = check.faults_of_file("cases/migrations/0002_append_only.py")
    assert told
    assert all("nothing here sees what it does" in each for each in told)
