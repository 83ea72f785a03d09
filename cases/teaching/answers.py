"""Teaching mode: one answer to one drawn case. It never is study data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _t

from cases import audit
from cases.analysis.results import key_result_of
from cases.classes import known_classes
from cases.models import Case, Cohort, TeachingRead
from cases.permissions import Action, require
from cases.teaching.queries import answer_of_draw, teaching_cases, teaching_cohorts

if TYPE_CHECKING:
    from portal.accounts.models import User


def answer(*, by: User, case: Case, read_class: str, confidence: int, before: int = 0) -> TeachingRead:
    """Keep the answer to the draw that `before` answers of the reader went before; then prediction and truth
    are shown. A second one to the same draw is not kept: what is returned is the first.

    Raises ValidationError, PermissionDenied.
    """
    require(by, Action.REVIEW, case.cohort)
    if not teaching_cases(by).filter(pk=case.pk).exists():
        raise ValidationError(_t("This case is not for teaching."))
    if read_class not in known_classes():
        raise ValidationError({"read_class": _t("This class is not known here.")})
    prediction = key_result_of(case)
    if prediction is None:
        raise ValidationError(_t("This case has no result yet. Draw another one."))
    with transaction.atomic():
        # Two windows answer one after the other.
        get_user_model().objects.select_for_update().get(pk=by.pk)
        return answer_of_draw(by, case, before) or TeachingRead.objects.create(
            case=case, reader=by, prediction=prediction, read_class=read_class, confidence=confidence
        )


def start_afresh(*, by: User, cohort: Cohort) -> int:
    """Delete the user's own answers in this teaching cohort; how many they were. The score begins again.

    They are no study data, and serve who learns and who teaches. That they were deleted, and how many, stays
    in the audit.
    """
    require(by, Action.REVIEW, cohort)
    if not teaching_cohorts(by).filter(pk=cohort.pk).exists():
        raise ValidationError(_t("This cohort is not for teaching."))
    with transaction.atomic():
        own = TeachingRead.objects.filter(reader=by, case__cohort=cohort)
        _, rows = own.delete()
        count = rows.get(TeachingRead._meta.label, 0)
        if count:
            audit.record(by=by, action="teaching.restarted", subject=cohort, cohort=cohort, answers=count)
    return count
