"""Bounds first, then the comparison, then the decision: each is written down before the next may be done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _t

from cases import audit
from cases.analysis import model_versions
from cases.governance import verdict
from cases.governance.frozen import frozen_set, is_waiting
from cases.governance.verdict import Comparison, Verdict
from cases.interim import figures_are_closed
from cases.lifecycle import AcceptanceStandard, SnapshotState
from cases.models import AcceptanceBounds, AuditEvent, Cohort, ModelDecision, ModelVersion
from cases.models.statement import MAX_REASON
from cases.permissions import Action, require

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from cases.models import Snapshot
    from portal.accounts.models import User

OPENED = "acceptance.opened"
MOST_MARGIN = 0.5


def state_bounds(
    *,
    by: User,
    cohort: Cohort,
    candidate: ModelVersion,
    snapshot: Snapshot,
    standard: AcceptanceStandard,
    margin: float,
    least_recall: Mapping[str, float],
    least_n: int,
    reason: str,
) -> AcceptanceBounds:
    """Write down what the candidate has to reach on the snapshot, against the network in use.

    Raises ValidationError; also while earlier bounds of the same candidate wait for their decision: these
    would be stated by somebody who may have looked.
    """
    require(by, Action.MANAGE, cohort)
    if not reason.strip():
        raise ValidationError({"reason": _t("Say why these bounds are the right ones.")})
    if not 0 <= margin <= MOST_MARGIN or not all(0 < least <= 1 for least in least_recall.values()):
        raise ValidationError(_t("A margin lies between 0 and 50 points, a recall between 0 and 100 %."))
    if snapshot.cohort_id != cohort.pk or snapshot.state != SnapshotState.READY:
        raise ValidationError({"snapshot": _t("Choose a snapshot of this cohort that is ready.")})
    with transaction.atomic():
        Cohort.objects.select_for_update().get(pk=cohort.pk)
        if not ModelVersion.objects.filter(pk=candidate.pk, is_candidate=True).exists():
            raise ValidationError({"candidate": _t("This network is, or was, in use: it is no candidate.")})
        if undecided(cohort).filter(candidate=candidate).exists():
            raise ValidationError(
                {"candidate": _t("Bounds of this candidate wait for a decision: decide on them first.")}
            )
        bounds = AcceptanceBounds.objects.create(
            cohort=cohort,
            candidate=candidate,
            against=model_versions.active_version(),
            snapshot=snapshot,
            standard=standard,
            margin=margin,
            least_recall=dict(least_recall),
            least_n=least_n,
            reason=reason.strip()[:MAX_REASON],
            stated_by=by,
        )
        named: dict[str, audit.Detail] = {
            "candidate": candidate.name,
            "against": bounds.against.name,
            "margin": margin,
        }
        audit.record(by=by, action="acceptance.stated", subject=bounds, cohort=cohort, **named)
    return bounds


def comparisons_of(cohorts: Iterable[Cohort]) -> QuerySet[AcceptanceBounds]:
    """All bounds of the cohorts with their decisions, the newest first."""
    found = AcceptanceBounds.objects.filter(cohort__in=cohorts).select_related(
        "cohort", "candidate", "against", "snapshot", "stated_by", "decision__decided_by"
    )
    return found.order_by("-stated_at", "-pk")


def undecided(cohort: Cohort) -> QuerySet[AcceptanceBounds]:
    """The bounds of the cohort that nobody has decided on."""
    return AcceptanceBounds.objects.filter(cohort=cohort, decision__isnull=True)


def opening_of(bounds: AcceptanceBounds) -> AuditEvent | None:
    """By whom and when the comparison was opened first."""
    openings = AuditEvent.objects.filter(
        action=OPENED, subject_type=bounds._meta.model_name, subject=str(bounds.pk)
    )
    return openings.select_related("actor").order_by("at").first()


def open_comparison(*, by: User, bounds: AcceptanceBounds) -> None:
    """Let the figures be seen. Raises ValidationError while the candidate is not through, or the figures of a
    running blinded study are closed.
    """
    require(by, Action.MANAGE, bounds.cohort)
    if figures_are_closed(bounds.cohort):
        raise ValidationError(_t("The figures of a running blinded study are closed until it ends."))
    if is_waiting(bounds):
        raise ValidationError(
            _t("The candidate has not analysed all cases of the snapshot: have it run in shadow, and wait.")
        )
    with transaction.atomic():
        Cohort.objects.select_for_update().get(pk=bounds.cohort_id)
        if opening_of(bounds) is None:
            audit.record(by=by, action=OPENED, subject=bounds, cohort=bounds.cohort)


def comparison_of(bounds: AcceptanceBounds) -> Comparison:
    """The figures; takes for granted that they were opened."""
    return verdict.compare(
        frozen_set(bounds), margin=bounds.margin, least_recall=bounds.least_recall, least_n=bounds.least_n
    )


def decide(*, by: User, bounds: AcceptanceBounds, promote: bool, reason: str) -> ModelDecision:
    """Promote the candidate, which makes it the active network, or refuse it.

    Raises ValidationError where nobody has looked, it is decided already, the bounds are not met, or another
    network is in use by now; PermissionDenied where somebody promotes who may not choose the network;
    ManifestError where its files are missing here.
    """
    require(by, Action.MANAGE, bounds.cohort)
    if not reason.strip():
        raise ValidationError(_t("Say why the candidate is promoted, or refused."))
    if opening_of(bounds) is None:
        raise ValidationError(_t("Open the comparison first: a decision is made on its figures."))
    found = comparison_of(bounds)
    with transaction.atomic():
        Cohort.objects.select_for_update().get(pk=bounds.cohort_id)
        if ModelDecision.objects.filter(bounds=bounds).exists():
            raise ValidationError(_t("This candidate is decided on already; look again."))
        if promote:
            _promote(by, bounds, found)
        decision = ModelDecision.objects.create(
            bounds=bounds,
            is_promoted=promote,
            reason=reason.strip()[:MAX_REASON],
            figures=found.as_dict(),
            decided_by=by,
        )
        details = {"candidate": bounds.candidate.name, "verdict": found.verdict, "reason": decision.reason}
        action = "model.promoted" if promote else "model.refused"
        audit.record(by=by, action=action, subject=decision, cohort=bounds.cohort, **details)
    return decision


def _promote(by: User, bounds: AcceptanceBounds, found: Comparison) -> None:
    if found.verdict != Verdict.MET:
        raise ValidationError(_t("The bounds are not met: this candidate can only be refused."))
    if not ModelVersion.objects.filter(pk=bounds.against_id, is_active=True).exists():
        gone = _t(
            "“%(name)s”, which it was compared with, is not in use any more: refuse it, and state bounds "
            "anew."
        )
        raise ValidationError(gone % {"name": bounds.against.name})
    model_versions.activate(by=by, version=bounds.candidate)
