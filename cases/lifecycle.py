"""The states of a job and of a case, and which may follow which.

Two machines, kept apart: a job is what the computer does, a case is what the
readers do. A pair that a table does not list is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class JobStatus(TextChoices):
    """Machine state of one analysis."""

    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Analysing")
    SUCCEEDED = "succeeded", _("Ready")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class CaseState(TextChoices):
    """Clinical state of one case."""

    OPEN = "open", _("Open")
    IN_REVIEW = "in_review", _("In review")
    REVIEWED = "reviewed", _("Reviewed")


class Verdict(TextChoices):
    """What a reader says of the network's class."""

    AGREE = "agree", _("Agree")
    DISAGREE = "disagree", _("Disagree")


class GateVerdict(TextChoices):
    """What a network's input gate says of an image; where a network has no gate, the verdict is empty."""

    ACCEPTED = "accepted", _("Accepted")
    UNCERTAIN = "uncertain", _("Uncertain")
    REFUSED = "refused", _("Refused")


JOB_TRANSITIONS: Mapping[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.CANCELLED}),
    # Back to queued: the lease ran out, or the error is one that another try may mend.
    JobStatus.RUNNING: frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.QUEUED}),
    JobStatus.FAILED: frozenset({JobStatus.QUEUED}),
    JobStatus.CANCELLED: frozenset({JobStatus.QUEUED}),
    JobStatus.SUCCEEDED: frozenset(),
}

CASE_TRANSITIONS: Mapping[CaseState, frozenset[CaseState]] = {
    CaseState.OPEN: frozenset({CaseState.IN_REVIEW, CaseState.REVIEWED}),
    CaseState.IN_REVIEW: frozenset({CaseState.REVIEWED}),
    CaseState.REVIEWED: frozenset(),
}


class IllegalTransition(Exception):
    """A move between two states that no table lists."""

    def __init__(self, before: str, after: str) -> None:
        super().__init__(f"No way leads from “{before}” to “{after}”.")
        self.before, self.after = before, after


def check_job_transition(before: JobStatus, after: JobStatus) -> None:
    """Raise IllegalTransition unless JOB_TRANSITIONS lists the pair."""
    if after not in JOB_TRANSITIONS[before]:
        raise IllegalTransition(before, after)


def case_state_after_reviews(readers: int, required: int) -> CaseState:
    """The state of a case that `readers` different people have read, of `required`."""
    if readers == 0:
        return CaseState.OPEN
    return CaseState.REVIEWED if readers >= required else CaseState.IN_REVIEW


def case_states_before(after: CaseState) -> list[CaseState]:
    """The states from which CASE_TRANSITIONS leads to `after`."""
    return [before for before, following in CASE_TRANSITIONS.items() if after in following]
