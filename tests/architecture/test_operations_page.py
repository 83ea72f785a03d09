"""docs/operations.md as a script, as far as it can be tried without Docker."""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands

from tests.support.shellblocks import OPERATIONS, PAGES, ROOT, block_with, shell_blocks

SCRIPTS = [ROOT / ".docker" / name for name in ("backup", "common.sh", "restore")]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
PAGE = OPERATIONS.read_text(encoding="utf-8")
# The subcommands that are used, and whether all that follows, or only its first word, names services.
SUBCOMMANDS = {
    "exec": 1,
    "run": 1,
    "build": 99,
    "logs": 99,
    "port": 1,
    "ps": 99,
    "pull": 99,
    "restart": 99,
    "stop": 99,
    "up": 99,
    "version": 0,
}


def compose_calls() -> Iterator[list[str]]:
    """What follows `compose` wherever the page or a script of it calls it."""
    sources = [*shell_blocks(OPERATIONS), *re.findall(r"`(docker compose [^`]+)`", PAGE)]
    sources += [path.read_text(encoding="utf-8") for path in SCRIPTS]
    for source in sources:
        for line in source.replace("\\\n", " ").splitlines():
            if line.lstrip().startswith(("#", "compose()", "docker()")):
                continue
            for call in re.findall(r"\bcompose ([a-z][^|<>&;\])\"']*)", line):
                yield call.split()


def services_named(call: list[str]) -> list[str]:
    words = [word for word in call[1:] if not word.startswith("-") and "=" not in word]
    return words[: SUBCOMMANDS[call[0]]]


def test_calls_of_compose_are_found() -> None:
    calls = list(compose_calls())
    assert ["up", "-d", "--build"] in calls
    assert ["exec", "web", "python", "manage.py", "createsuperuser"] in calls
    assert services_named(["exec", "-T", "postgres", "pg_dump", "secondread"]) == ["postgres"]
    assert services_named(["up", "-d", "--scale", "analysis=3"]) == []
    assert ["stop", "proxy", "web", "analysis", "maintenance", "sending", "beat"] in calls


@pytest.mark.parametrize("call", sorted({" ".join(call) for call in compose_calls()}))
def test_call_of_compose_names_services_that_are_there(call: str) -> None:
    words = call.split()
    assert words[0] in SUBCOMMANDS
    assert set(services_named(words)) <= set(COMPOSE["services"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_shell_blocks_are_shell(page: Path) -> None:
    for block in shell_blocks(page):
        checked = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, f"{block}\n{checked.stderr}"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_shell_and_those_that_are_called_can_be(path: Path) -> None:
    subprocess.run(["bash", "-n", path], check=True)
    if path.suffix != ".sh":
        assert path.stat().st_mode & 0o111 == 0o111
        assert "set -euo pipefail" in path.read_text(encoding="utf-8")
        assert f".docker/{path.name}" in "".join(shell_blocks(OPERATIONS))


def test_nothing_is_pasted_that_is_not_tried() -> None:
    assert not re.findall(r"^ {4,}(?:docker|git|openssl|curl|make) .*", PAGE, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_management_commands_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(r"manage\.py ([a-z_]+)", page.read_text(encoding="utf-8"))
    assert set(named) <= set(get_commands())


def test_settings_that_the_page_names_are_listed() -> None:
    listed = set(
        re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE)
    )
    named = set(re.findall(r"`(?:export )?([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?:=[^`]*)?`", PAGE))
    named |= set(re.findall(r"^([A-Z][A-Z0-9_]+)=", block_with("cat > .env"), re.MULTILINE))
    assert {"EMAIL_URL", "SECRET_KEY", "TLS_DIR"} <= named
    assert sorted(named - listed) == []


# --- The .env -----------------------------------------------------------------


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    """The file that the page's step makes."""
    subprocess.run(["bash", "-ec", block_with("cat > .env")], cwd=tmp_path, check=True)
    return tmp_path / ".env"


def values_of(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text(encoding="utf-8").splitlines())


def test_env_of_the_page_is_all_that_compose_asks_for(env_file: Path) -> None:
    required = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    assert required <= set(values_of(env_file))


def test_env_of_the_page_starts_the_production_settings(env_file: Path) -> None:
    given = values_of(env_file)
    told = COMPOSE["services"]["web"]["environment"]
    environment = {
        "PATH": os.environ["PATH"],
        **{
            name: re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: given[found[1]], str(value))
            for name, value in told.items()
            if value is not None
        },
        **{name: given[name] for name, value in told.items() if value is None and name in given},
        "SECONDREAD_VAR": str(env_file.parent),
        "PROMETHEUS_MULTIPROC_DIR": str(env_file.parent / "prometheus"),
    }
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    checked = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_env_is_for_its_owner_alone_and_never_written_over(env_file: Path) -> None:
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
    before = env_file.read_text(encoding="utf-8")
    subprocess.run(["bash", "-ec", block_with("cat > .env")], cwd=env_file.parent, check=True)
    assert env_file.read_text(encoding="utf-8") == before


# --- What stays out of git and of the image -----------------------------------


@pytest.mark.parametrize(
    "name", ["tls/key.pem", "tls/certificate.pem", "backups/monday/media.tar", "a.dump", ".env"]
)
def test_secrets_and_backups_are_ignored_by_git(name: str) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout of git")
    assert subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False).returncode == 0


def test_image_is_built_from_what_is_named_alone() -> None:
    first, *rest = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert first == "*"
    named = {line.removeprefix("!").split("/")[0] for line in rest if line.startswith("!")}
    assert not named & {"*", ".", "tls", "backups", ".env"}


def test_step_for_compose_1_29_makes_docker_compose_of_it(tmp_path: Path) -> None:
    """`docker` without the plugin, and the older program, as scripts that say how they were called."""
    for name, body in {
        "docker": '[ "$1" != compose ] && echo "docker $*"',
        "docker-compose": 'echo "old $*"',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    script = block_with("command docker-compose") + "docker compose up -d\ndocker ps\n"
    said = subprocess.run(
        ["bash", "-ec", script],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.splitlines() == ["old up -d", "docker ps"]


def test_page_says_shell_words_that_can_be_split() -> None:
    for call in re.findall(r"`((?:docker|sudo|export|\.docker/)[^`]*)`", PAGE):
        assert shlex.split(call)
