"""A plugin that counts which lines and branches of ours the tests of a process reach (SlipCover).

PYTEST_PLUGINS names it, so that it stands in every process before anything of ours is imported, COVERS the
packages that are counted, and COVERED the folder where each process leaves what it found. The process that
only hands out the tests counts nothing. SlipCover's own command takes over every import, also of
the tests, which pytest's `importlib` mode does not survive.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest
import slipcover
from slipcover.importer import SlipcoverMetaPathFinder

ROOT = Path(__file__).resolve().parents[2]
OURS = os.environ["COVERS"].split()
SOURCES = [str(ROOT / name) for name in OURS]
LEFT_OUT = ["*/migrations/*"]
PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "")
IS_AT_WORK = bool(PROCESS)
COUNTER = slipcover.Slipcover(
    branch=True,
    # What nobody imports is read once, not by each process.
    source=SOURCES if PROCESS == "gw0" else None,
    omit=LEFT_OUT,
    exclude_also=["if TYPE_CHECKING:", "raise NotImplementedError"],
)


class OnlyOurs(SlipcoverMetaPathFinder):
    """Instruments what is ours as it is imported, and leaves all else alone."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in OURS:
            return None
        found: ModuleSpec | None = super().find_spec(fullname, path, target)
        return found


if IS_AT_WORK:
    sys.meta_path.insert(0, OnlyOurs(COUNTER, slipcover.FileMatcher(sources=SOURCES, omit=LEFT_OUT)))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    if IS_AT_WORK:
        found = Path(os.environ["COVERED"]) / f"{os.getpid()}.json"
        found.write_text(json.dumps(COUNTER.get_coverage()), "utf-8")
