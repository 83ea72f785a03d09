"""File names in the order that people mean: slice2 before slice10."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"([0-9]+)")


def natural_key(name: str) -> tuple[list[str | int], str]:
    """A key to sort names by. Runs of digits compare as numbers, the words between them without regard to
    case; of names that are alike so far, the plain text decides.
    """
    # Words and numbers take turns, beginning with a word, so that like is compared with like.
    parts = _DIGITS.split(name.casefold())
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], name
