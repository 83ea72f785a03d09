"""What was shown of a case to whom, and when first: written by what shows it, asked by what is said then.

The network's result, the known class, and what other readers said are told apart, so that a figure can tell
the network's influence from a colleague's (docs/adr/0012).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cases.lifecycle import Shown
from cases.models import Disclosure

if TYPE_CHECKING:
    from uuid import UUID

    from cases.models import Case
    from cases.permissions import Person
    from portal.accounts.models import User


@dataclass(frozen=True)
class Seen:
    """When somebody was first shown each kind of thing of a case; None for what never was."""

    network_at: datetime | None = None
    truth_at: datetime | None = None
    peers_at: datetime | None = None

    @property
    def knows_the_answer(self) -> bool:
        """Whether the known class, or another reader's, was shown: what is said from then on is a remark."""
        return self.truth_at is not None or self.peers_at is not None

    @property
    def kinds(self) -> frozenset[Shown]:
        """What was shown at all."""
        at = {Shown.NETWORK: self.network_at, Shown.TRUTH: self.truth_at, Shown.PEERS: self.peers_at}
        return frozenset(kind for kind, shown in at.items() if shown is not None)

    def columns(self) -> dict[str, datetime | None]:
        """The columns that all tables of reads share (models/statement.py)."""
        return {
            "seen_network_at": self.network_at,
            "seen_truth_at": self.truth_at,
            "seen_peers_at": self.peers_at,
        }


def seen_by(user: Person, case: Case) -> Seen:
    """What the user was shown of the case up to now, in one query."""
    shown = dict(Disclosure.objects.filter(user=user.pk, case=case).values_list("kind", "shown_at"))
    return Seen(shown.get(Shown.NETWORK), shown.get(Shown.TRUTH), shown.get(Shown.PEERS))


def record(*, to: User, cases: Collection[UUID], kinds: Collection[Shown]) -> None:
    """Write down that these kinds are being shown of these cases; what is written already stays as it is.

    Call it before the answer leaves. One query where nothing is new.
    """
    if not cases or not kinds:
        return
    of_them = Disclosure.objects.filter(user=to.pk, case__in=cases, kind__in=kinds)
    known = set(of_them.values_list("case", "kind"))
    record_new(to=to, shown=[(case, kind) for case in cases for kind in kinds if (case, kind) not in known])


def record_new(*, to: User, shown: Collection[tuple[UUID, Shown]]) -> None:
    """Write down what is known to be new; two windows at once leave one row."""
    if shown:
        rows = [Disclosure(user_id=to.pk, case_id=case, kind=kind) for case, kind in shown]
        Disclosure.objects.bulk_create(rows, ignore_conflicts=True)
