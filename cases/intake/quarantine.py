"""Cases whose pictures may show a name: nobody but the cohort's administrators sees them, and no network,
until one of these has looked: they let the case out, or delete it with its pictures (cases/deletion).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from cases import audit
from cases.analysis import jobs, model_versions
from cases.models import Case
from cases.permissions import Action, require

if TYPE_CHECKING:
    from portal.accounts.models import User


def release(*, by: User, case: Case) -> bool:
    """Let a case be seen by all who may see the cohort's, and analysed; False where it lies open already."""
    require(by, Action.MANAGE, case.cohort)
    with transaction.atomic():
        is_released = Case.objects.filter(pk=case.pk, is_quarantined=True).update(is_quarantined=False) == 1
        if is_released:
            audit.record(by=by, action="case.released", subject=case, cohort=case.cohort)
            jobs.queue_images(case.images.order_by("position"), model_versions.active_version())
    return is_released
