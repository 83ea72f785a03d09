"""For all tests; the cast of people and cases is in tests/cast.py."""

from __future__ import annotations

pytest_plugins = ["tests.cast"]
