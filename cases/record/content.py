"""What of a row the chain holds fast: every field of it, in one order and one spelling."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Model

from cases.models import AccessEvent, Adjudication, AuditEvent, FirstRead, Review

_SAID = (
    *("id", "case_id", "other_finding", "confidence", "comment", "region", "active_seconds"),
    *("seen_network_at", "seen_truth_at", "seen_peers_at", "protocol_id", "created_at"),
)


@dataclass(frozen=True)
class Kind:
    """A table of the record: its model, and the time by which its rows are ordered."""

    model: type[AccessEvent | AuditEvent | FirstRead | Review | Adjudication]
    time: str


KINDS: Mapping[str, Kind] = {
    "access": Kind(AccessEvent, "at"),
    "audit": Kind(AuditEvent, "at"),
    "first_read": Kind(FirstRead, "created_at"),
    "review": Kind(Review, "created_at"),
    "adjudication": Kind(Adjudication, "created_at"),
}
# What each form of a digest is over. A field that is added later makes a new form: the old links stay as
# they are, and are told by the fields that there were.
FORMS: Mapping[int, Mapping[str, tuple[str, ...]]] = {
    1: {
        "access": (
            *("id", "at", "actor_id", "kind", "method", "route", "status", "subject", "cohort_id"),
            *("address", "via", "request_id"),
        ),
        "audit": (
            *("id", "at", "actor_id", "action", "subject_type", "subject", "cohort_id", "request_id"),
            "details",
        ),
        "first_read": (*_SAID, "reader_id", "read_class"),
        "review": (
            *(*_SAID, "prediction_id", "reader_id", "verdict", "final_class", "heat_in_region"),
            *("amends_id", "is_remark", "reason"),
        ),
        "adjudication": (*_SAID, "adjudicator_id", "final_class"),
    }
}
NEWEST_FORM = max(FORMS)


# What readers typed and drew, which goes to no system beside the portal.
_OWN = frozenset({"comment", "other_finding", "region", "reason"})


def plain_fields(kind: str, row: Model, form: int = NEWEST_FORM) -> dict[str, Any]:
    """Return what a system that watches may know of a row: its fields without readers' words and marks."""
    return {name: _plain(getattr(row, name)) for name in FORMS[form][kind] if name not in _OWN}


def content_digest(kind: str, row: Model, form: int = NEWEST_FORM) -> str:
    """SHA-256, in hexadecimal, of the row's fields as JSON, keys sorted, times in UTC."""
    fields = {name: _plain(getattr(row, name)) for name in FORMS[form][kind]}
    said = json.dumps([kind, fields], sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()


def link_digest(before: str, content: str) -> str:
    """SHA-256 of the link before (empty for the first) and the row's own digest."""
    return hashlib.sha256(f"{before}{content}".encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value) if isinstance(value, UUID) else value
