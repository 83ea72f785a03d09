"""Fixtures of the API's tests."""

from tests.cases.api.support import add_reviews

__all__ = ["add_reviews"]
