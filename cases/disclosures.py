"""What was shown of a case to whom, and when first: written by what shows it, asked by what is said then.

The network's result, the known class, and what other readers said are told apart, so that a figure can tell
the network's influence from a colleague's (docs/adr/0012). What was shown of a copy of the picture, in
another cohort, was shown of the case too (cases/intake/copies.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Set
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Min, Q, QuerySet

from cases.audit import TRUTH_SET
from cases.lifecycle import Shown
from cases.models import Case, Disclosure, Image

if TYPE_CHECKING:
    from uuid import UUID

    from cases.models import AuditEvent
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
    """What the user was shown of the case, or of the same picture in another cohort, up to now; one query."""
    of_it = Q(case=case) | Q(case__in=_twins_of(case))
    rows = Disclosure.objects.filter(of_it, user=user.pk).order_by().values_list("kind")
    shown = dict(rows.annotate(first=Min("shown_at")))
    return Seen(shown.get(Shown.NETWORK), shown.get(Shown.TRUTH), shown.get(Shown.PEERS))


def _twins_of(case: Case) -> QuerySet[Image, UUID]:
    """The keys of the cases of other cohorts that share a picture with this one."""
    own = Image.objects.filter(case=case).values("picture")
    return Image.objects.filter(picture__in=own).exclude(cohort=case.cohort_id).values_list("case", flat=True)


def record(*, to: User, cases: Collection[UUID], kinds: Collection[Shown]) -> None:
    """Write down that these kinds are being shown of these cases; what is written already stays as it is.

    Call it before the answer leaves. One query where nothing is new.
    """
    record_some(to=to, shown={(case, kind) for case in cases for kind in kinds})


def record_of_codes(*, to: User, codes: Collection[str], kinds: Collection[Shown]) -> None:
    """As `record`, of cases that a figure shows one by one, by their codes."""
    if codes:
        cases = set(Case.objects.filter(code__in=codes).values_list("pk", flat=True))
        record(to=to, cases=cases, kinds=kinds)


def record_of_audit(*, to: User, events: Iterable[AuditEvent]) -> None:
    """Write down the known classes that audit events tell, before they leave."""
    if cases := cases_told_by(events):
        record(to=to, cases=cases, kinds=[Shown.TRUTH])


def cases_told_by(events: Iterable[AuditEvent]) -> set[UUID]:
    """The keys of the cases whose known class audit events tell."""
    told = [event.subject for event in events if event.action == TRUTH_SET]
    return set(Case.objects.filter(pk__in=told).values_list("pk", flat=True)) if told else set()


def record_some(*, to: User, shown: Set[tuple[UUID, Shown]]) -> None:
    """Write down what is being shown, as `record` does, where it is not the same of all cases."""
    if not shown:
        return
    cases, kinds = {case for case, _kind in shown}, {kind for _case, kind in shown}
    of_them = Disclosure.objects.filter(user=to.pk, case__in=cases, kind__in=kinds)
    record_new(to=to, shown=shown - set(of_them.values_list("case", "kind")))


def record_new(*, to: User, shown: Collection[tuple[UUID, Shown]]) -> None:
    """Write down what is known to be new; two windows at once leave one row."""
    if shown:
        rows = [Disclosure(user_id=to.pk, case_id=case, kind=kind) for case, kind in shown]
        Disclosure.objects.bulk_create(rows, ignore_conflicts=True)
