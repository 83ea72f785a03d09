"""For all tests; the cast of people and cases is in tests/cast.py."""

from __future__ import annotations

import functools
import gc
import os
from collections.abc import Generator
from pathlib import Path

import pytest
from django.db import connection

pytest_plugins = ["tests.cast"]

# A process of tests keeps hundreds of thousands of objects. To look through them as often as is usual took
# 6 % of the time of tests of pages; what is in no circle goes at once, as ever.
gc.set_threshold(20_000, 50, 100)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Before the database is there, that it is emptied quickly, where the tests may do as they like in it."""
    if connection.vendor == "postgresql" and "TEST_DATABASE_TEMPLATE" in os.environ:
        from tests.support import flushing

        connection.ops.sql_flush = functools.partial(flushing.by_rows, connection.ops)  # type: ignore[method-assign]


TESTS = Path(__file__).parent
UNITS = [TESTS / "architecture", TESTS / "inference"]


def pytest_collection_finish() -> None:
    """What is there by now stays: the collections at the end of a process need not look through it again."""
    gc.freeze()


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
