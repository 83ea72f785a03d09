"""Counting what a page tells of, in one query, and no further than tells anybody anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db.models import IntegerField, QuerySet, Subquery
from django.utils.formats import number_format
from django.utils.translation import gettext as _t

if TYPE_CHECKING:
    from portal.accounts.models import User

# Behind this number a database would count for longer than the page takes, and nobody reads the difference.
COUNTED = 1000


class _Count(Subquery):
    """The number of rows of a query that depends on nothing around it."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()
    empty_result_set_value = 0  # where the query can hold no row whatever there is, and so is not asked


@dataclass(frozen=True)
class Count:
    """How many there are; COUNTED, and more of them, where `is_more`."""

    n: int
    is_more: bool = False

    def __bool__(self) -> bool:
        return self.n > 0

    def __str__(self) -> str:
        if self.is_more:
            return _t("more than %(n)s") % {"n": number_format(self.n, force_grouping=True)}
        return str(self.n)

    @property
    def short(self) -> str:
        """The same beside a label."""
        return f"{self.n}+" if self.is_more else str(self.n)

    def __add__(self, other: Count) -> Count:
        n = self.n + other.n
        return Count(min(n, COUNTED), self.is_more or other.is_more or n > COUNTED)


def counts_of(user: User, counted: Mapping[str, QuerySet[Any]]) -> dict[str, Count]:
    """The number of rows of each query, all in one."""
    counts = {name: _Count(rows.order_by().values("pk")[: COUNTED + 1]) for name, rows in counted.items()}
    found: dict[str, Any] = dict(get_user_model().objects.filter(pk=user.pk).values(**counts).get())
    return {name: Count(min(n, COUNTED), n > COUNTED) for name, n in found.items()}
