"""Adjudication: the named reader decides where the readers of a case differ.

A decision is preliminary at first, as a reader's review is: it waits as a draft that judges no result, can be
undone, and becomes final once the adjudicator goes on (cases/reading/drafts.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _t

from cases import audit, disclosures
from cases.lifecycle import CaseState
from cases.models import Adjudication, Case, Draft
from cases.permissions import Action, require
from cases.reading.preliminary import submitted
from cases.reading.protocols import lock_case, terms_for
from cases.reading.read_input import ReadInput, checked_read

if TYPE_CHECKING:
    from portal.accounts.models import User


class DecisionConflict(Exception):
    """Another window has submitted a decision of this case."""

    def __init__(self) -> None:
        super().__init__(_t("You have decided this case in another window."))


def is_adjudicator(user: User, case: Case) -> bool:
    """Whether `user` is the one whom the case's protocol names, and has not read the case."""
    return terms_for(case).adjudicator == user and not case.reviews.filter(reader=user).exists()


def submit_decision(*, by: User, case: Case, read: ReadInput) -> Draft:
    """Take the adjudicator's decision; it can be undone until the adjudicator goes on.

    Raises what `adjudicate` does, and DecisionConflict where another window has submitted.
    """
    read = _checked_decision(by, case, read)
    with transaction.atomic():
        _lock_disputed(case)
        draft, is_ours = submitted(by=by, case=case, read=read, prediction=None)
        if not is_ours:
            raise DecisionConflict
        audit.record(by=by, action="adjudication.preliminary", subject=case, cohort=case.cohort)
    return draft


def adjudicate(*, by: User, case: Case, read: ReadInput) -> Adjudication:
    """Decide a disputed case, for good.

    Raises PermissionDenied for anybody but the named adjudicator, and ValidationError where the case waits
    for no decision, or no longer does.
    """
    read = _checked_decision(by, case, read)
    with transaction.atomic():
        _lock_disputed(case)
        decision = Adjudication.objects.create(
            case=case,
            adjudicator=by,
            final_class=read.read_class,
            protocol=case.protocol,
            **disclosures.seen_by(by, case).columns(),
            **read.columns(),
        )
        Case.objects.filter(pk=case.pk).update(state=CaseState.REVIEWED)
        Draft.objects.filter(case=case, reader=by).delete()
        audit.record(by=by, action="case.adjudicated", subject=decision, cohort=case.cohort)
    return decision


def _checked_decision(by: User, case: Case, read: ReadInput) -> ReadInput:
    """The decision as it is stored. Raises PermissionDenied and ValidationError."""
    require_adjudicator(by, case)
    return checked_read(read, case)


def require_adjudicator(by: User, case: Case) -> None:
    """Raise PermissionDenied unless `by` is the one who decides this case."""
    require(by, Action.REVIEW, case.cohort)
    if not is_adjudicator(by, case):
        raise PermissionDenied(_t("Only the adjudicator of this cohort decides where its readers differ."))


def _lock_disputed(case: Case) -> None:
    if lock_case(case).state != CaseState.DISPUTED:
        raise ValidationError(_t("This case waits for no adjudication any more."))
