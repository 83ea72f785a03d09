"""One case as a row: what the worklist and the upload page show of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from cases import disclosures
from cases.analysis.results import Progress, progress_of
from cases.blinding import OVER
from cases.classes import known_classes
from cases.cohorts import CohortRights, cohorts_of
from cases.lifecycle import AT_WORK, ENDED_WITHOUT_RESULT, JobStatus, Shown
from cases.permissions import Action, visible_to
from cases.translation import percent_of, shown
from cases.worklist.listing import as_rows

if TYPE_CHECKING:
    from datetime import datetime

    from cases.models import Claim
    from cases.worklist.listing import AnalysedCase
    from portal.accounts.models import User

# Each code costs twelve characters of a URL, of which servers take about 4,000.
LIVE_CODES = 100


@dataclass(frozen=True)
class Row:
    """A case, the state of its newest analysis, and the result where the user may read it.

    `given_to` and `read_by` are names for administrators only: readers learn of each other no more than that
    somebody reads.
    """

    case: AnalysedCase
    status: JobStatus | None
    error: str
    may_retry: bool
    may_manage: bool = False
    predicted_class: str = ""
    predicted_label: str = ""
    percent: str = ""
    gate_verdict: str = ""
    progress: Progress | None = None
    is_given_to_me: bool = False
    given_to_others: int = 0
    given_to: tuple[str, ...] = ()
    is_read_by_me: bool = False
    is_read: bool = False
    read_until: datetime | None = None
    read_by: tuple[str, ...] = ()

    @property
    def shown(self) -> dict[str, Any]:
        """All that the row tells the user; rows that differ in nothing look the same."""
        told = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "case"}
        return told | {"code": self.case.code, "state": self.case.state, "priority": self.case.priority}

    @property
    def is_pending(self) -> bool:
        """Whether the state will change by itself."""
        return self.status in AT_WORK

    @property
    def has_failed(self) -> bool:
        """Whether somebody has to queue it again."""
        return self.status in ENDED_WITHOUT_RESULT

    @property
    def can_change(self) -> bool:
        """Whether somebody's act, or the worker, may still change what the row shows."""
        return self.is_pending or self.case.state not in OVER


def rows_of(
    user: User,
    cases: Iterable[AnalysedCase],
    rights: Sequence[CohortRights],
    labels: dict[str, str],
) -> list[Row]:
    """The rows of `cases`, which come from `as_rows`; one query where an analysis is not over.

    Whose class stands in a row was shown to the user from here on (cases/disclosures.py).
    """
    by_cohort = {held.cohort.pk: held.actions for held in rights}
    rows = [_row(user, case, by_cohort.get(case.cohort_id, ()), labels) for case in cases]
    told = [row.case.pk for row in rows if row.predicted_class]
    disclosures.record(to=user, cases=told, kinds=[Shown.NETWORK])
    return _with_progress(rows)


def _with_progress(rows: list[Row]) -> list[Row]:
    """Say of the cases that are not ready how many of their images are."""
    counted = [row.case.pk for row in rows if row.is_pending or row.has_failed]
    progress = progress_of(counted) if counted else {}
    return [replace(row, progress=progress.get(row.case.pk)) for row in rows]


def rows_by_code(
    user: User,
    codes: Iterable[str],
    rights: Sequence[CohortRights] | None = None,
    labels: dict[str, str] | None = None,
) -> list[Row]:
    """The rows of those of the codes that the user may see, LIVE_CODES at the most, newest first."""
    wanted = list(codes)[:LIVE_CODES]
    cases = as_rows(user, visible_to(user).filter(code__in=wanted)).order_by("-created_at", "-id")
    rights = cohorts_of(user) if rights is None else rights
    labels = known_classes() if labels is None else labels
    return rows_of(user, cases, rights, labels)


def _row(user: User, case: AnalysedCase, actions: Sequence[Action], labels: dict[str, str]) -> Row:
    row = Row(
        case,
        JobStatus(case.job_status) if case.job_status else None,
        shown(case.job_error or ""),
        may_retry=Action.RETRY in actions,
        may_manage=Action.MANAGE in actions,
        **_people(user, case, names=Action.MANAGE in actions),
    )
    if not case.is_open or not case.key_class:
        return row
    return replace(
        row,
        predicted_class=case.key_class,
        predicted_label=labels.get(case.key_class, case.key_class),
        percent="" if case.key_probability is None else percent_of(case.key_probability),
        gate_verdict=case.key_gate,
    )


def _people(user: User, case: AnalysedCase, *, names: bool) -> dict[str, Any]:
    """To whom the case is given, and who reads it just now."""
    given = [assignment.reader for assignment in case.assignments.all()]
    claims: list[Claim] = case.live_claims  # type: ignore[attr-defined]
    own = [claim for claim in claims if claim.reader_id == user.pk]
    return {
        "is_given_to_me": user in given,
        "given_to_others": sum(reader != user for reader in given),
        "given_to": tuple(str(reader) for reader in given if reader != user) if names else (),
        "is_read_by_me": bool(own),
        "is_read": bool(claims),
        "read_until": (own or claims)[-1].expires_at if claims else None,
        "read_by": tuple(str(claim.reader) for claim in claims if claim not in own) if names else (),
    }
