"""One case as a row: what the worklist and the upload page show of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _t

from cases import selectors
from cases.lifecycle import JobStatus
from cases.models import Case
from cases.permissions import Action, cohorts_where
from cases.results import Progress, progress_of
from cases.wording import shown

if TYPE_CHECKING:
    from uuid import UUID

    from portal.accounts.models import User

# Each code costs twelve characters of a URL, of which servers take about 4,000.
LIVE_CODES = 100
NEARLY_CERTAIN = 0.99


@dataclass(frozen=True)
class Row:
    """A case, the state of its newest analysis, and the result where the user may read it."""

    case: Case
    status: JobStatus | None
    error: str
    may_retry: bool
    predicted_class: str = ""
    predicted_label: str = ""
    percent: str = ""
    gate_verdict: str = ""
    progress: Progress | None = None

    @property
    def is_pending(self) -> bool:
        """Whether the state will change by itself."""
        return self.status in (JobStatus.QUEUED, JobStatus.RUNNING)

    @property
    def has_failed(self) -> bool:
        """Whether somebody has to queue it again."""
        return self.status in (JobStatus.FAILED, JobStatus.CANCELLED)


def rows_of(user: User, cases: Iterable[selectors.AnalysedCase]) -> list[Row]:
    """The rows of `cases`, which come from `selectors.worklist`; three queries at the most, however many."""
    retryable = _cohort_ids(user, Action.RETRY)
    labels = selectors.known_classes()
    return _with_progress([_row(case, case.is_open, case.cohort_id in retryable, labels) for case in cases])


def _with_progress(rows: list[Row]) -> list[Row]:
    """Say of the cases that are not ready how many of their images are."""
    counted = [row.case.pk for row in rows if row.is_pending or row.has_failed]
    progress = progress_of(counted) if counted else {}
    return [replace(row, progress=progress.get(row.case.pk)) for row in rows]


def rows_by_code(user: User, codes: Iterable[str]) -> list[Row]:
    """The rows of those of the codes that the user may see, LIVE_CODES at the most."""
    wanted = list(codes)[:LIVE_CODES]
    return rows_of(user, selectors.worklist(user, selectors.WorklistFilter()).filter(code__in=wanted))


def percent_of(probability: float) -> str:
    """A probability as whole percent; what is nearly certain is not rounded up to certain."""
    if probability > NEARLY_CERTAIN:
        return _t("> 99 %")
    return _t("%(percent)d %%") % {"percent": round(probability * 100)}


def _cohort_ids(user: User, action: Action) -> set[UUID]:
    return set(cohorts_where(user, action).values_list("pk", flat=True))


def _row(case: selectors.AnalysedCase, readable: bool, retryable: bool, labels: dict[str, str]) -> Row:
    status = JobStatus(case.job_status) if case.job_status else None
    if not readable or not case.predicted_class:
        return Row(case, status, shown(case.job_error or ""), retryable)
    return Row(
        case,
        status,
        shown(case.job_error or ""),
        retryable,
        predicted_class=case.predicted_class,
        predicted_label=labels.get(case.predicted_class, case.predicted_class),
        percent=percent_of(case.confidence or 0.0),
        gate_verdict=case.gate_verdict or "",
    )
