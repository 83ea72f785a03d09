"""A plugin that counts which lines and branches of ours the tests of a process reach (SlipCover).

PYTEST_PLUGINS names it, so that it stands in every process before anything of ours is imported, COVERS the
packages that are counted, and COVERED the folder where each process leaves what it found. The process that
only hands out the tests counts nothing. SlipCover's own command takes over every import, also of
the tests, which pytest's `importlib` mode does not survive.

A line that was counted once need not be counted again. SlipCover takes its counters out of functions that it
finds under a name; one behind a decorator, as each view is, it would go on counting for ever. So it is
shown every function, and told when to look.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import FunctionType, ModuleType

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
    # By itself it looks while modules are still imported: a function that it misses then, it finds no more.
    d_miss_threshold=-1,
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


class Watch:
    """Takes the counters out of what was counted: after the first test, the second, the fourth, and so on."""

    def __init__(self) -> None:
        self.ended = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self) -> None:
        """Show every function of ours, before tests/conftest.py has the collector forget them."""
        found = ModuleType("functions")
        functions = [each for each in gc.get_objects() if type(each) is FunctionType]
        ours = [each for each in functions if each.__code__.co_filename.startswith(tuple(SOURCES))]
        found.__dict__.update({str(number): each for number, each in enumerate(ours)})
        COUNTER.register_module(found)

    def pytest_runtest_logfinish(self) -> None:
        self.ended += 1
        if self.ended.bit_count() == 1:
            COUNTER.deinstrument_seen()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        found = Path(os.environ["COVERED"]) / f"{os.getpid()}.json"
        found.write_text(json.dumps(COUNTER.get_coverage()), "utf-8")


if IS_AT_WORK:
    sys.meta_path.insert(0, OnlyOurs(COUNTER, slipcover.FileMatcher(sources=SOURCES, omit=LEFT_OUT)))


def pytest_configure(config: pytest.Config) -> None:
    if IS_AT_WORK:
        config.pluginmanager.register(Watch())
