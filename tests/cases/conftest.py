"""Templates of these tests are strict: a variable that nobody gave fails the test."""

import pytest
from django.template import engines


class Missing(str):
    """Stands where a variable is missing; Django formats it with the variable's name."""

    def __mod__(self, name: object) -> str:
        raise AssertionError(f"The template asks for “{name}”, which nobody gave.")


@pytest.fixture(autouse=True)
def strict_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines["django"].engine, "string_if_invalid", Missing("%s"))
