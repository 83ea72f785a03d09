"""What tests of imports share: a folder that the operator has named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def archive(tmp_path: Path, settings: Any) -> Path:
    """The folder that is named Archive; the stored pictures are of this test alone."""
    settings.STORAGES = settings.STORAGES | {
        name: entry | {"OPTIONS": entry["OPTIONS"] | {"location": str(tmp_path / name)}}
        for name, entry in settings.STORAGES.items()
        if name in ("default", "incoming")
    }
    folder = tmp_path / "archive"
    folder.mkdir()
    settings.IMPORT_FOLDERS = {"Archive": folder}
    return folder
