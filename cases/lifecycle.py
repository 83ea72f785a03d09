"""The states of a job and of a case, and which may follow which.

Two machines, kept apart: a job is what the computer does, a case is what the
readers do. A pair that a table does not list is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.db.models import IntegerChoices, TextChoices
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import Promise


class JobStatus(TextChoices):
    """Machine state of one analysis."""

    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Analysing")
    SUCCEEDED = "succeeded", _("Ready")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


# An analysis in one of these states moves on by itself.
AT_WORK = (JobStatus.QUEUED, JobStatus.RUNNING)
# In one of these it stays without a result until somebody queues it again.
ENDED_WITHOUT_RESULT = (JobStatus.FAILED, JobStatus.CANCELLED)


class CaseState(TextChoices):
    """Clinical state of one case."""

    OPEN = "open", _("Open")
    IN_REVIEW = "in_review", _("In review")
    DISPUTED = "disputed", _("To be adjudicated")
    REVIEWED = "reviewed", _("Reviewed")
    CLOSED = "closed", _("Closed")


class Priority(IntegerChoices):
    """How soon a case is to be read."""

    ROUTINE = 0, _("Routine")
    URGENT = 1, _("Urgent")
    IMMEDIATE = 2, _("Immediate")


class Reading(TextChoices):
    """When a reader is shown what the network says."""

    AI_FIRST = "ai_first", _("AI first")
    BLINDED = "blinded", _("Commit, then reveal")
    TEACHING = "teaching", _("Teaching")


class ReadingOrder(TextChoices):
    """In which order the cases of a cohort are offered."""

    OLDEST = "oldest", _("Oldest first")
    RANDOM = "random", _("Random")
    PRIORITY = "priority", _("By priority, then oldest first")


class Shown(TextChoices):
    """What of a case was shown to somebody who may read it, or may read it some day."""

    NETWORK = "network", _("The network's result")
    TRUTH = "truth", _("The known class")
    PEERS = "peers", _("Other readers")


class SnapshotState(TextChoices):
    """How far a snapshot of what was reviewed is."""

    QUEUED = "queued", _("Waiting")
    BUILDING = "building", _("Being written")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")


class SendingMoment(TextChoices):
    """When a reviewed case is sent to a hospital's archive."""

    BY_HAND = "by_hand", _("By hand, from the page of the case")
    FINAL = "final", _("As soon as its reviews are final")


class SendingState(TextChoices):
    """What became of one sending."""

    WAITING = "waiting", _("Waiting")
    SENT = "sent", _("Sent")
    REFUSED = "refused", _("Refused")
    GIVEN_UP = "given_up", _("Given up")


class IncomingState(TextChoices):
    """How far an upload in pieces is."""

    RECEIVING = "receiving", _("Arriving")
    CHECKING = "checking", _("Being looked at")
    PROPOSED = "proposed", _("To be confirmed")
    CREATING = "creating", _("Being taken in")
    DONE = "done", _("Taken in")
    FAILED = "failed", _("Failed")


# In one of these it moves on by itself.
INCOMING_AT_WORK = (IncomingState.CHECKING, IncomingState.CREATING)


class DraftState(TextChoices):
    """What becomes of what a reader has typed."""

    DRAFT = "draft", _("Draft")
    PRELIMINARY = "preliminary", _("Preliminary")  # submitted, and undoable until the reader goes on


# Classes of a reader that no network knows.
OTHER_FINDING = "other"
NOT_READABLE = "unreadable"
READER_ONLY_CLASSES: Mapping[str, Promise] = {
    OTHER_FINDING: _("Other finding"),
    NOT_READABLE: _("Not readable"),
}


class HookEvent(TextChoices):
    """What a webhook can be told of."""

    CASE_READY = "case.ready", _("A case is analysed")
    CASE_FAILED = "case.failed", _("An analysis failed")
    REVIEW_FINAL = "review.final", _("A review is final")
    REVIEW_AMENDED = "review.amended", _("A review was amended")
    SNAPSHOT_READY = "snapshot.ready", _("A snapshot is ready")
    DRIFT_ALERT = "drift.alert", _("A drift alert was raised")


class AcceptanceStandard(TextChoices):
    """What says whether a network is right, where a candidate is compared with the one in use."""

    KNOWN = "known", _("The known class")
    REVIEWED = "reviewed", _("The known class, else what all readers or the adjudicator said")


class DriftRule(TextChoices):
    """What raises an alert: but for the last, what of a week is held against a frozen baseline."""

    REFUSED = "refused", _("Refused by the input gate")
    DISAGREEMENT = "disagreement", _("Readers and network differ")
    CLASSES = "classes", _("Mix of the network's classes")
    DISTANCE = "distance", _("Distance from the training images")
    BRIGHTNESS = "brightness", _("Brightness of the pictures")
    SIZE = "size", _("Size of the pictures")
    # Not of a week: of one re-analysis of the sentinels (cases/governance/sentinel_checks.py).
    SENTINEL = "sentinel", _("Sentinels that a new network gets wrong")


WEEKLY_RULES = tuple(rule for rule in DriftRule if rule is not DriftRule.SENTINEL)


class DeliveryState(TextChoices):
    """How far a webhook's event is."""

    WAITING = "waiting", _("Waiting")
    DELIVERED = "delivered", _("Delivered")
    FAILED = "failed", _("Given up")


class Verdict(TextChoices):
    """What a reader says of the network's class."""

    AGREE = "agree", _("Agree")
    DISAGREE = "disagree", _("Disagree")


class DeletionKind(TextChoices):
    """What is deleted at once."""

    PICTURE = "picture", _("One picture")
    CASE = "case", _("A case")
    COHORT = "cohort", _("A cohort")
    EXPIRED = "expired", _("What was kept long enough")


class DeletionReason(TextChoices):
    """Why something is deleted."""

    NAME_SHOWN = "name_shown", _("A picture shows a name")
    CONSENT = "consent", _("The consent was withdrawn")
    BY_MISTAKE = "by_mistake", _("It was uploaded by mistake")
    RETENTION = "retention", _("It was kept as long as it may be")
    OTHER = "other", _("Another reason")


class RequestState(TextChoices):
    """What became of a request to delete."""

    WAITING = "waiting", _("Waiting")
    CARRIED_OUT = "carried_out", _("Carried out")
    DECLINED = "declined", _("Declined")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    EXPIRED = "expired", _("Run out")


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

INCOMING_TRANSITIONS: Mapping[IncomingState, frozenset[IncomingState]] = {
    # To be taken in at once where the sender wants no preview.
    IncomingState.RECEIVING: frozenset({IncomingState.CHECKING, IncomingState.CREATING}),
    IncomingState.CHECKING: frozenset({IncomingState.PROPOSED, IncomingState.FAILED}),
    IncomingState.PROPOSED: frozenset({IncomingState.CREATING}),
    IncomingState.CREATING: frozenset({IncomingState.DONE, IncomingState.FAILED}),
    IncomingState.DONE: frozenset(),
    IncomingState.FAILED: frozenset(),
}

CASE_TRANSITIONS: Mapping[CaseState, frozenset[CaseState]] = {
    CaseState.OPEN: frozenset(
        {CaseState.IN_REVIEW, CaseState.DISPUTED, CaseState.REVIEWED, CaseState.CLOSED}
    ),
    CaseState.IN_REVIEW: frozenset({CaseState.DISPUTED, CaseState.REVIEWED, CaseState.CLOSED}),
    CaseState.DISPUTED: frozenset({CaseState.REVIEWED, CaseState.CLOSED}),
    CaseState.REVIEWED: frozenset(),
    CaseState.CLOSED: frozenset(),
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


def check_incoming_transition(before: IncomingState, after: IncomingState) -> None:
    """Raise IllegalTransition unless INCOMING_TRANSITIONS lists the pair."""
    if after not in INCOMING_TRANSITIONS[before]:
        raise IllegalTransition(before, after)


# A case in one of these states waits for a reader.
UNREAD_STATES = (CaseState.OPEN, CaseState.IN_REVIEW)


def case_state_after_reviews(
    readers: int, required: int, *, differ: bool = False, is_adjudicated: bool = False
) -> CaseState:
    """The state of a case that `readers` different people have read, of `required`.

    `differ`: the readers name different classes; `is_adjudicated`: somebody decides then.
    """
    if readers == 0:
        return CaseState.OPEN
    if readers < required:
        return CaseState.IN_REVIEW
    return CaseState.DISPUTED if differ and is_adjudicated else CaseState.REVIEWED


def case_states_before(after: CaseState) -> list[CaseState]:
    """The states from which CASE_TRANSITIONS leads to `after`."""
    return [before for before, following in CASE_TRANSITIONS.items() if after in following]
