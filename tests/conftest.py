"""Fixtures for all tests; the cast of people and cases is in tests/cast.py."""

from __future__ import annotations

import pytest

pytest_plugins = ["tests.cast"]

_ASKS_A_DATABASE = {"db", "transactional_db", "live_server"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks no database: one run of it, beside SQLite, says all that a second one would."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if not (_ASKS_A_DATABASE & fixtures or item.get_closest_marker("django_db")):
            item.add_marker(pytest.mark.any_database)
