"""The name that a file is kept under."""

import re
from pathlib import Path

import pytest

from cases import downloads

SOURCES = Path(downloads.__file__).parents[1]


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("secondread-BR-1.csv", 'attachment; filename="secondread-BR-1.csv"'),
        ("a b.csv", 'attachment; filename="a b.csv"'),
        ('a"b\\.csv', 'attachment; filename="a\\"b\\\\.csv"'),
        ("Übung.csv", "attachment; filename*=utf-8''%C3%9Cbung.csv"),
        ("a\r\nX-Evil: 1", "attachment; filename*=utf-8''a%0D%0AX-Evil%3A%201"),
    ],
)
def test_name_is_told_as_the_standards_say(name, header) -> None:
    assert downloads.named(name) == {"Content-Disposition": header}


def test_file_that_is_shown_is_inline() -> None:
    assert downloads.named("a.json", is_shown=True) == {"Content-Disposition": 'inline; filename="a.json"'}


def test_file_without_a_name_is_none() -> None:
    with pytest.raises(ValueError, match="without a name"):
        downloads.named("", is_shown=True)


def test_nobody_else_puts_the_header_together() -> None:
    written = re.compile(r"Content-Disposition.{0,5}[:=\]].*(attachment|inline)")
    found = [
        path.name
        for room in ("portal", "cases")
        for path in (SOURCES / room).rglob("*.py")
        if written.search(path.read_text())
    ]
    assert found == []
