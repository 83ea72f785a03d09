"""Which passwords are taken, as NIST SP 800-63B-4 (3.1.1) has it: long ones that nobody would guess soon.

There are no rules of composition, and no password ends by age. Django's list of 20,000 that were found in
breaches holds 48 of fifteen characters and more; what people make of such a length is one or two of the
shorter ones, with a year behind them or written twice. So a password is taken apart into such pieces.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _t

# A password of so few pieces is refused, whatever its length.
FEW_PIECES = 2
# What is longer is not taken apart.
LONGEST = 64
LEAST_WORD, LEAST_ROW = 4, 3
NUMBER = re.compile(r"\d{1,4}")  # a year, a PIN
# The first that whoever guesses here would try.
OF_THIS_SERVICE = frozenset({"secondread", "second", "read", "radiology", "radiologie", "radiologist"})
ROWS = ("0123456789012345678901234567890123456789", "abcdefghijklmnopqrstuvwxyz")
KEYBOARDS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm")


class GuessablePasswordValidator(CommonPasswordValidator):
    """Refuses what consists of at most FEW_PIECES common passwords, rows of keys and numbers."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError for such a password."""
        if pieces_of(password.lower(), self.passwords) <= FEW_PIECES:
            raise ValidationError(
                _t(
                    "This password is soon guessed: it is one or two words or numbers that many people use. "
                    "Take several words that do not belong together."
                ),
                code="password_too_common",
            )

    def get_help_text(self) -> str:
        return _t(
            "Not one or two common passwords, rows of keys or numbers. Any characters are fine, also spaces."
        )


def pieces_of(password: str, common: set[str]) -> int:
    """The fewest pieces that it consists of, more than FEW_PIECES if it holds others; signs are none."""
    if len(password) > LONGEST:
        return FEW_PIECES + 1

    @cache
    def fewest(start: int) -> int:
        if start == len(password):
            return 0
        if not password[start].isalnum():
            return fewest(start + 1)
        return min((1 + fewest(end) for end in _ends(password, start, common)), default=LONGEST)

    return fewest(0)


def _ends(password: str, start: int, common: set[str]) -> list[int]:
    """Where a piece that begins at `start` may end."""
    ends = [
        end
        for end in range(start + LEAST_WORD, len(password) + 1)
        if password[start:end] in common or password[start:end] in OF_THIS_SERVICE
    ]
    ends += [end for end in range(start + LEAST_ROW, len(password) + 1) if _is_row(password[start:end])]
    digits = NUMBER.match(password, start)
    return ends + ([digits.end()] if digits else [])


@lru_cache(maxsize=4096)
def _is_row(piece: str) -> bool:
    """One thing again and again, or a row of letters, digits or keys, in either direction."""
    is_again = piece in (piece + piece)[1:-1]
    return is_again or any(piece in row or piece in row[::-1] for row in (*ROWS, *KEYBOARDS))
