"""Adjudication: the named reader decides where the readers of a case differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _t

from cases import audit, disclosures
from cases.lifecycle import CaseState
from cases.models import Adjudication, Case, Draft
from cases.permissions import Action, require
from cases.reading.protocols import terms_for
from cases.reading.read_input import ReadInput, checked_read

if TYPE_CHECKING:
    from portal.accounts.models import User


def is_adjudicator(user: User, case: Case) -> bool:
    """Whether `user` is the one whom the case's protocol names, and has not read the case."""
    return terms_for(case).adjudicator == user and not case.reviews.filter(reader=user).exists()


def adjudicate(*, by: User, case: Case, read: ReadInput) -> Adjudication:
    """Decide a disputed case, for good.

    Raises PermissionDenied for anybody but the named adjudicator, and ValidationError where the case waits
    for no decision, or no longer does.
    """
    require(by, Action.REVIEW, case.cohort)
    if not is_adjudicator(by, case):
        raise PermissionDenied(_t("Only the adjudicator of this cohort decides where its readers differ."))
    read = checked_read(read, case)
    with transaction.atomic():
        locked = Case.objects.select_for_update().get(pk=case.pk)
        if locked.state != CaseState.DISPUTED:
            raise ValidationError(_t("This case waits for no adjudication any more."))
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
