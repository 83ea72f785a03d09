"""Commands of `make smoke`, and what is raised where one fails."""

from __future__ import annotations

import subprocess
from pathlib import Path

STEP_SECONDS = 180


class SmokeError(Exception):
    """What a stranger would have met."""


def output(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    """What the command says. Raises SmokeError with its last words where it fails."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=STEP_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SmokeError(f"`{' '.join(command)}` took more than {STEP_SECONDS} s") from error
    if done.returncode:
        raise SmokeError(f"`{' '.join(command)[:200]}` failed:\n{last_lines(done.stdout)}")
    return done.stdout


def last_lines(text: str) -> str:
    """As much as one reads."""
    return "\n".join(text.splitlines()[-15:])
