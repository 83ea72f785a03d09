"""Fixtures for all tests; the cast of people and cases is in tests/cast.py."""

pytest_plugins = ["tests.cast"]
