"""What became of the files of an upload, as rows of its page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from cases.intake.receipts import Outcome, Receipt
from cases.worklist.rows import Row, rows_by_code

if TYPE_CHECKING:
    from portal.accounts.models import User


@dataclass(frozen=True)
class UploadRow:
    """What became of one file, or of the `files` that one case was made of, in their order there. Names are
    shown to their sender alone.
    """

    name: str
    receipt: Receipt
    row: Row | None
    files: tuple[str, ...] = ()


def rows_of(user: User, told: Iterable[tuple[str, Receipt]], *, is_one_case: bool) -> list[UploadRow]:
    """One row for each case, then one for each file that is no part of one; where each picture is a case of
    its own, in the order of the files.
    """
    parts: dict[Any, list[tuple[str, Receipt]]] = {}
    for at, (name, receipt) in enumerate(told):
        is_part = receipt.outcome == Outcome.RECEIVED and receipt.case is not None
        key = receipt.case.pk if is_part and receipt.case else at
        parts.setdefault(key, []).append((shown_name(name), receipt))
    rows = [_row_of_case(user, part, is_one_case) for part in parts.values()]
    # A sort keeps the order of equal ones.
    return sorted(rows, key=lambda row: is_one_case and row.receipt.outcome != Outcome.RECEIVED)


def shown_name(name: str) -> str:
    """The name of a file, where it has one."""
    return name or _t("Unnamed file")


def _row_of_case(user: User, part: Sequence[tuple[str, Receipt]], is_one_case: bool) -> UploadRow:
    """The row of the files of one case, or of one file."""
    name, receipt = part[0]
    if receipt.outcome != Outcome.RECEIVED:
        # Among the slices of a case a row is about what is left out, and shows no other case's state.
        return UploadRow(name, receipt, None if is_one_case else _row_of(user, receipt))
    if len(part) == 1 and not is_one_case:
        return UploadRow(name, receipt, _row_of(user, receipt))
    words = ngettext("%(n)d file as one case", "%(n)d files as one case", len(part))
    notices = dict.fromkeys(notice for _, each in part for notice in each.notices)
    together = replace(receipt, notices=tuple(notices))
    by_place = sorted(part, key=lambda each: each[1].position or 0)
    names = tuple(name for name, _ in by_place)
    return UploadRow(words % {"n": len(part)}, together, _row_of(user, together), names)


def _row_of(user: User, receipt: Receipt) -> Row | None:
    found = rows_by_code(user, [receipt.case.code]) if receipt.case else []
    return found[0] if found else None
