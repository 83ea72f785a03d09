"""Progress: a tick is told how many of how many are done."""

from __future__ import annotations

from collections.abc import Callable

Tick = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Tell nobody."""


def onward(tick: Tick, before: int, total: int) -> Tick:
    """Return the tick of one part of the work: `before` were done when it began, of `total` in all parts."""
    return lambda done, _of_part: tick(before + done, total)
