"""The record as somebody reads it: what was done, and who looked at what, in one shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _t

from cases import disclosures
from cases.models import (
    AccessEvent,
    Adjudication,
    AuditEvent,
    Case,
    Cohort,
    FirstRead,
    Image,
    Job,
    Prediction,
    Review,
)

if TYPE_CHECKING:
    from portal.accounts.models import User

LOOKS, ACTS = "looks", "acts"
_AT_ONCE = 500
# What an act may be about that belongs to a case.
_OF_A_CASE: tuple[tuple[Any, str], ...] = (
    (Image, "case"),
    (Job, "image__case"),
    (Prediction, "image__case"),
    (FirstRead, "case"),
    (Review, "case"),
    (Adjudication, "case"),
)
# What is shown in the place of an act's subject, by the name of its model.
_CALLED: Mapping[str, tuple[Any, str]] = {
    "adjudication": (Adjudication, "case__code"),
    "case": (Case, "code"),
    "firstread": (FirstRead, "case__code"),
    "image": (Image, "case__code"),
    "job": (Job, "image__case__code"),
    "review": (Review, "case__code"),
    "user": (get_user_model(), "email"),
}
Place: TypeAlias = tuple[datetime, UUID]


@dataclass(frozen=True)
class Filters:
    """What is asked for. cohort: None for all of them, and for what is of none. until: not included."""

    what: str = LOOKS
    cohort: Cohort | None = None
    person: User | None = None
    code: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Entry:
    """One row. what: a label for people; name: the same for machines. status: of an answer, 0 of an act."""

    id: UUID
    at: datetime
    actor: str
    name: str
    what: str
    subject: str
    status: int = 0
    address: str = ""
    via: str = ""
    request_id: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_refused(self) -> bool:
        """Whether it was an answer, and no."""
        return self.status >= 400  # noqa: PLR2004 - HTTP's own line

    def as_dict(self) -> dict[str, Any]:
        """For JSON; times in UTC."""
        said = asdict(self) | {"id": str(self.id), "at": self.at.astimezone(UTC).isoformat()}
        del said["what"]
        return said


def page_of(
    filters: Filters, before: Place | None, size: int, *, to: User
) -> tuple[list[Entry], Place | None]:
    """Return the newest entries before a place, and the place to go on from; None where there are no more.

    to: whom they are shown; known classes that they tell are written down as seen.
    """
    rows = _found(filters)
    if before:
        at, key = before
        rows = rows.filter(Q(at__lt=at) | Q(at=at, pk__lt=key))
    found = list(rows[: size + 1])
    after = (found[size - 1].at, found[size - 1].pk) if len(found) > size else None
    if filters.what == ACTS:
        disclosures.record_of_audit(to=to, events=found[:size])
    return _entries(found[:size]), after


def all_of(filters: Filters, *, to: User) -> Iterator[Entry]:
    """Yield every entry, the newest first, page by page: no query stays open while somebody reads slowly."""
    entries, place = page_of(filters, None, _AT_ONCE, to=to)
    yield from entries
    while place:
        entries, place = page_of(filters, place, _AT_ONCE, to=to)
        yield from entries


def _found(filters: Filters) -> QuerySet[Any]:
    model: Any = AccessEvent if filters.what == LOOKS else AuditEvent
    rows = model.objects.select_related("actor").order_by("-at", "-pk")
    if filters.cohort:
        rows = rows.filter(cohort=filters.cohort)
    if filters.person:
        rows = rows.filter(actor=filters.person)
    if filters.since:
        rows = rows.filter(at__gte=filters.since)
    if filters.until:
        rows = rows.filter(at__lt=filters.until)
    if filters.code:
        rows = rows.filter(subject__in=_subjects_of(filters))
    found: QuerySet[Any] = rows
    return found


def _subjects_of(filters: Filters) -> list[str]:
    """What stands for a case in the rows: its code where it was looked at, ids where something was done."""
    if filters.what == LOOKS:
        return [filters.code]
    of = {"code": filters.code, **({"cohort": filters.cohort} if filters.cohort else {})}
    case = Case.objects.filter(**of).first()
    if case is None:
        return []
    keys = [case.pk]
    for model, path in _OF_A_CASE:
        keys += model.objects.filter(**{path: case}).values_list("pk", flat=True)
    return [str(key) for key in keys]


def _entries(rows: Iterable[Any]) -> list[Entry]:
    entries = [_look(row) if isinstance(row, AccessEvent) else _act(row) for row in rows]
    codes = _codes(rows)
    return [
        replace(entry, subject=codes[entry.subject]) if entry.subject in codes else entry for entry in entries
    ]


def _codes(rows: Iterable[Any]) -> dict[str, str]:
    """What people call the subjects of acts, by their ids: a case's code, a person's name."""
    by_kind: dict[str, list[str]] = {}
    for row in rows:
        if isinstance(row, AuditEvent) and row.subject_type in _CALLED:
            by_kind.setdefault(row.subject_type, []).append(row.subject)
    found: dict[str, str] = {}
    for kind, keys in by_kind.items():
        model, path = _CALLED[kind]
        found |= {
            str(key): str(name) for key, name in model.objects.filter(pk__in=keys).values_list("pk", path)
        }
    return found


def _look(row: AccessEvent) -> Entry:
    return Entry(
        id=row.pk,
        at=row.at,
        actor=str(row.actor or ""),
        name=f"{row.method} {row.route}",
        what=row.get_kind_display(),
        subject=row.subject,
        status=row.status,
        address=row.address,
        via=row.via,
        request_id=row.request_id,
    )


def _act(row: AuditEvent) -> Entry:
    return Entry(
        id=row.pk,
        at=row.at,
        actor=str(row.actor or _t("the portal itself")),
        name=row.action,
        what=row.action,
        subject=row.subject,
        request_id=row.request_id,
        details=row.details,
    )
