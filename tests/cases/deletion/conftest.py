"""What the tests of deletion share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage

from cases.deletion.acts import Why, delete
from cases.deletion.targets import Target, target_of_picture
from cases.lifecycle import DeletionKind, DeletionReason
from cases.models import Case, Deletion


@pytest.fixture(autouse=True)
def own_storage(settings: Any, tmp_path: Path) -> Path:
    """A storage, and a ledger, of this test alone."""
    default = settings.STORAGES["default"]
    own = default | {"OPTIONS": default["OPTIONS"] | {"location": str(tmp_path / "media")}}
    settings.STORAGES = settings.STORAGES | {"default": own}
    settings.DELETION_LEDGER = str(tmp_path / "outside" / "deletions.jsonl")
    return tmp_path / "media"


@pytest.fixture
def delete_case(administrator: Any, django_capture_on_commit_callbacks: Any) -> Callable[..., Deletion]:
    """Delete a case, or one of its pictures, with what follows the commit."""

    def act(case: Case, position: int | None = None, **why: Any) -> Deletion:
        target: Target | None = Target(DeletionKind.CASE, case.cohort, case)
        if position is not None:
            target = target_of_picture(case, str(position))
        assert target is not None
        with django_capture_on_commit_callbacks(execute=True):
            return delete(target, Why(DeletionReason.NAME_SHOWN, **{"by": administrator} | why))

    return act


def stored_names() -> set[str]:
    """Every file of the storage, by its name."""
    root = Path(default_storage.path(""))
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
