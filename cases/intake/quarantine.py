"""Cases whose pictures may show a name: nobody but the cohort's administrators sees them, and no network,
until one of these has looked: they let the case out, or remove it with its pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _t

from cases import audit
from cases.analysis import jobs, model_versions
from cases.intake.judging import erase_unused
from cases.models import Case
from cases.permissions import Action, require

if TYPE_CHECKING:
    from portal.accounts.models import User


class NotRemovable(Exception):
    """The case is in no quarantine, or something has been written down of it that stays."""

    def __init__(self) -> None:
        super().__init__(_t("This case cannot be removed any more. Close it instead."))


def release(*, by: User, case: Case) -> bool:
    """Let a case be seen by all who may see the cohort's, and analysed; False where it lies open already."""
    require(by, Action.MANAGE, case.cohort)
    with transaction.atomic():
        is_released = Case.objects.filter(pk=case.pk, is_quarantined=True).update(is_quarantined=False) == 1
        if is_released:
            audit.record(by=by, action="case.released", subject=case, cohort=case.cohort)
            jobs.queue_images(case.images.order_by("position"), model_versions.active_version())
    return is_released


def remove(*, by: User, case: Case) -> None:
    """Remove a quarantined case, its rows and its pictures. Raises NotRemovable."""
    require(by, Action.MANAGE, case.cohort)
    try:
        with transaction.atomic():
            found = Case.objects.select_for_update(of=("self",)).get(pk=case.pk)
            if not found.is_quarantined:
                raise NotRemovable
            files = set(found.images.values_list("file", flat=True))
            audit.record(by=by, action="case.removed", subject=found, cohort=case.cohort, images=len(files))
            found.delete()
    except ProtectedError:
        raise NotRemovable from None
    erase_unused(files)
