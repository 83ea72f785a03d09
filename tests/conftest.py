"""For all tests; the cast of people and cases is in tests/cast.py."""

from __future__ import annotations

import gc
from collections.abc import Generator
from pathlib import Path

import pytest

pytest_plugins = ["tests.cast"]

# A process of tests keeps hundreds of thousands of objects. To look through them as often as is usual took
# 6 % of the time of tests of pages; what is in no circle goes at once, as ever.
gc.set_threshold(20_000, 50, 100)

TESTS = Path(__file__).parent
UNITS = [TESTS / "architecture", TESTS / "inference"]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Mark what needs no portal, so that one run can ask for it beside some of the portal's tests.

    When all else is sorted, begin with what is long: who took it last would leave the other process idle.
    """
    for item in items:
        if any(folder in item.path.parents for folder in UNITS):
            item.add_marker("unit")
    yield
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
