"""What dciodvfy of dicom3tools says of an instance."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydicom import Dataset

VALIDATOR = shutil.which("dciodvfy") or shutil.which("dciodvfy", path=str(Path(sys.executable).parent))
needs_validator = pytest.mark.skipif(VALIDATOR is None, reason="dciodvfy is not installed (dicom3tools)")


def errors_in(file: Path) -> list[str]:
    """The lines of errors; it must have known what it looks at."""
    said = subprocess.run([str(VALIDATOR), str(file)], capture_output=True, text=True, check=False)
    lines = (said.stdout + said.stderr).splitlines()
    assert {"SCImage", "EnhancedSR", "MRImage"} & set(lines), lines
    return [line for line in lines if line.startswith("Error")]


def all_errors(instances: list[Dataset], folder: Path) -> list[str]:
    """Of several instances, each written to the folder."""
    found = []
    for number, instance in enumerate(instances):
        instance.save_as(folder / f"{number}.dcm", enforce_file_format=True)
        found += errors_in(folder / f"{number}.dcm")
    return found
