"""Migrations of this release, and whether the code of the last one goes on working with them.

While a release is rolled out, old processes meet the new tables. So a migration may add what the old code
does not know, and must not take away or narrow what it uses: that waits for the release after (expand, then
contract). Looked at is what was added since the last tag `v*`, or since the commit that is named; where there
is no tag, nothing was released, and nothing can be broken.

One that is safe all the same says why, in words: `safe_because = "..."` in its class.

    python .ci/migrations.py [COMMIT]
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    """Say what is wrong. 0 where nothing is."""
    since = arguments[0] if arguments else last_release()
    if not since:
        print("no tag v* yet: nothing was released that a migration could break")
        return 0
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.test")
    importlib.import_module("django").setup()
    added, touched = changed_since(since)
    faults = [f"{path}: was released, and is another one now" for path in touched]
    faults += [fault for path in added for fault in faults_of_file(path)]
    print("\n".join(faults) or f"{len(added)} migrations since {since}: the code of then goes on with each")
    return 1 if faults else 0


def last_release() -> str:
    """The newest tag behind HEAD; empty where there is none, or no history."""
    found = _git("describe", "--tags", "--abbrev=0", "--match=v*", check=False)
    return found.strip()


def changed_since(commit: str) -> tuple[list[str], list[str]]:
    """The files of migrations that were added since then, and those that are not as they were then."""
    added: list[str] = []
    touched: list[str] = []
    lines = _git("diff", "--no-renames", "--name-status", commit, "--", "*/migrations/[0-9]*.py").splitlines()
    for line in lines:
        status, path = line.split("\t")
        (added if status == "A" else touched).append(path)
    return sorted(added), sorted(touched)


def faults_of_file(path: str) -> list[str]:
    """What the old code would fail at, a line each."""
    from django.apps import apps
    from django.db.migrations.loader import MigrationLoader

    folder, name = Path(path).parts[-3], Path(path).stem
    package = ".".join(Path(path).parts[:-2])
    label = next((each.label for each in apps.get_app_configs() if each.name == package), folder)
    loader = MigrationLoader(None)
    migration = loader.disk_migrations[label, name]
    if getattr(migration, "safe_because", ""):
        return []
    state = loader.project_state((label, name), at_end=False)
    return [f"{path}: {fault}" for fault in faults_of(migration.operations, label, state)]


def faults_of(operations: Any, label: str, state: Any) -> Iterator[str]:
    """Of operations in their order, on the tables of `state`, which is brought up to date."""
    fresh: set[str] = set()
    for operation in operations:
        kind = type(operation).__name__
        model = getattr(operation, "model_name", getattr(operation, "name", "")).lower()
        if kind == "CreateModel":
            fresh.add(model)
        elif kind == "SeparateDatabaseAndState":
            yield from faults_of(operation.database_operations, label, state.clone())
        elif model not in fresh and (fault := _judge(kind)(operation, label, state)):
            yield f"{operation.describe()}: {fault}"
        operation.state_forwards(label, state)


def _judge(kind: str) -> Callable[[Any, str, Any], str]:
    return {
        "AddField": _added,
        "AlterField": _altered,
        **dict.fromkeys(("AddIndex", "RemoveIndex", "AlterModelOptions", "RenameIndex"), _harmless),
        **dict.fromkeys(("RemoveConstraint", "AlterModelManagers"), _harmless),
        **dict.fromkeys(("AddConstraint", "AlterUniqueTogether"), _narrowing),
        **dict.fromkeys(("RunSQL", "RunPython"), _unseen),
    }.get(kind, _taken_away)


def _harmless(_operation: Any, _label: str, _state: Any) -> str:
    return ""


def _taken_away(_operation: Any, _label: str, _state: Any) -> str:
    return "the old code still asks for what was there; take it away in the release after"


def _narrowing(_operation: Any, _label: str, _state: Any) -> str:
    return "the old code may write rows that are refused; say why it does not"


def _unseen(_operation: Any, _label: str, _state: Any) -> str:
    return "nothing here sees what it does; say why the old code goes on with it"


def _added(operation: Any, _label: str, _state: Any) -> str:
    field = operation.field
    fills_itself = field.null or field.many_to_many or field.has_db_default()
    return "" if fills_itself else "the old code writes rows without it; give it db_default, or null=True"


def _altered(operation: Any, label: str, state: Any) -> str:
    before = state.models[label, operation.model_name_lower].fields[operation.name]
    after = operation.field
    if type(before) is not type(after) or before.db_column != after.db_column:
        return "the old code reads and writes another type or column"
    if before.null and not after.null and not after.has_db_default():
        return "the old code writes rows without it; give it db_default"
    if after.unique and not before.unique:
        return "the old code may write it twice"
    lengths = before.max_length, after.max_length
    if lengths[1] is not None and (lengths[0] is None or lengths[1] < lengths[0]):
        return f"the old code writes up to {lengths[0]} characters"
    return ""


def _git(*arguments: str, check: bool = True) -> str:
    command = ["git", *arguments]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=check)
    return ran.stdout if ran.returncode == 0 else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
