"""How far a long work is: a Progress is told how many of how many are done."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Tell nobody."""


def onward(progress: Progress, before: int, total: int) -> Progress:
    """Return what one part of the work tells: `before` were done when it began, of `total` in all parts."""
    return lambda done, _of_part: progress(before + done, total)
