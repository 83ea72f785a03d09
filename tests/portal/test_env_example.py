"""`.env.example` lists exactly the knobs that something reads."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / ".env.example"
ENTRY = re.compile(r"^#? ?([A-Z][A-Z0-9_]+)=(.*)$", re.MULTILINE)
# Read by programs of others from the environment that a settings module or a test makes for them.
NOT_KNOBS = {
    "COVERS",
    "DJANGO_ALLOW_ASYNC_UNSAFE",
    "HOME",
    "JAX_COMPILATION_CACHE_DIR",
    "KERAS_BACKEND",
    "LD_LIBRARY_PATH",
    "PATH",
    "PLAYWRIGHT_NODEJS_PATH",
    "PYTEST_XDIST_WORKER",
    "SECONDREAD_REPORTS",
    "TF_CPP_MIN_LOG_LEVEL",
}


def knobs_of_source(source: str) -> set[str]:
    """Names asked of `env` or `os.environ` with a constant: calls, subscripts and membership tests."""
    return {name for node in ast.walk(ast.parse(source)) for name in _asked(node)}


def _asked(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        called = ast.unparse(node.func)
        asked, key = called if called == "os.getenv" else ast.unparse(node.func.value), node.args[0]
    elif isinstance(node, ast.Call) and node.args:
        asked, key = ast.unparse(node.func), node.args[0]
    elif isinstance(node, ast.Subscript):
        asked, key = ast.unparse(node.value), node.slice
    else:
        return
    if asked in {"env", "os.environ", "os.getenv"} and isinstance(key, ast.Constant):
        yield str(key.value)


def knobs_of_python() -> set[str]:
    folders = ("portal", "cases", "inference", "tests")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    found = {name for path in files for name in knobs_of_source(path.read_text(encoding="utf-8"))}
    return found - NOT_KNOBS


def knobs_of_containers() -> set[str]:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    return set(re.findall(r"(?<!\$)\$\{([A-Z][A-Z0-9_]+)", text))


def listed() -> dict[str, str]:
    return dict(ENTRY.findall(EXAMPLE.read_text(encoding="utf-8")))


def test_every_knob_that_is_read_is_listed() -> None:
    assert sorted((knobs_of_python() | knobs_of_containers()) - set(listed())) == []


def test_every_knob_that_is_listed_is_read() -> None:
    assert sorted(set(listed()) - knobs_of_python() - knobs_of_containers()) == []


def test_knob_is_listed_once_and_in_a_group_with_a_comment() -> None:
    groups = EXAMPLE.read_text(encoding="utf-8").split("\n\n")
    names = [name for group in groups for name, _ in ENTRY.findall(group)]
    assert len(names) == len(set(names))
    for group in groups:
        assert not ENTRY.match(group), group


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('env.str("A", default="")', {"A"}),
        ('env("B")', {"B"}),
        ('os.environ.get("C")', {"C"}),
        ('os.environ["D"]', {"D"}),
        ('os.getenv("E")', {"E"}),
        ('other.get("F"); env.str(name)', set()),
    ],
)
def test_reading_of_a_knob_is_found(source: str, names: set[str]) -> None:
    assert knobs_of_source(source) == names
