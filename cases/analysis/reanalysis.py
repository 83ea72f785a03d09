"""Analysing a whole cohort with the active version. Results of other versions stay, and so do all reviews."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from cases import audit
from cases.access import images_for_networks
from cases.analysis import jobs, key_result
from cases.analysis.model_versions import active_version
from cases.lifecycle import AT_WORK
from cases.models import Case, Cohort, Image, Job, ModelVersion, Prediction
from cases.permissions import Action, require

if TYPE_CHECKING:
    from portal.accounts.models import User


@dataclass(frozen=True)
class ReanalysisPlan:
    """What analysing a cohort with `version` means, in images.

    to_queue: have no result of this version, whether never asked for, failed or cancelled. analysed: have
    one. in_work: wait for it already.
    """

    version: ModelVersion
    to_queue: int
    analysed: int
    in_work: int


def plan(cohort: Cohort, version: ModelVersion) -> ReanalysisPlan:
    """What `reanalyse` would do now; changes nothing."""
    counts = _marked(cohort, version).aggregate(
        n=Count("pk"),
        analysed=Count("pk", filter=Q(has_result=True)),
        in_work=Count("pk", filter=Q(has_result=False, is_in_work=True)),
    )
    analysed, in_work = counts["analysed"], counts["in_work"]
    return ReanalysisPlan(version, counts["n"] - analysed - in_work, analysed, in_work)


def reanalyse(*, by: User | None, cohort: Cohort) -> ReanalysisPlan:
    """Queue every image of the cohort that has no result of the active version; return what was done.

    `by` is a study administrator of the cohort; None for commands of the operator. A second call finds the
    images in work and queues nothing.
    """
    if by is not None:
        require(by, Action.MANAGE, cohort)
    version = active_version()
    with transaction.atomic():
        # The lock of two who ask at once: the second sees what the first has queued.
        Cohort.objects.select_for_update().get(pk=cohort.pk)
        before = plan(cohort, version)
        if before.to_queue:
            jobs.queue_again(Job.objects.filter(image__cohort=cohort, model_version=version))
            jobs.queue_images(images_for_networks(cohort).order_by("created_at", "pk"), version)
            # A version that has begun again with one of several images stands for nothing meanwhile.
            of_many = cohort.images.filter(position__gt=0, jobs__model_version=version)
            key_result.refresh_cases(Case.objects.filter(pk__in=of_many.values("case")))
            details: dict[str, audit.Detail] = {"name": version.name, "queued": before.to_queue}
            audit.record(by=by, action="cohort.reanalysed", subject=cohort, cohort=cohort, **details)
    return before


def _marked(cohort: Cohort, version: ModelVersion) -> QuerySet[Image]:
    of_version = {"image": OuterRef("pk"), "model_version": version}
    return images_for_networks(cohort).annotate(
        has_result=Exists(Prediction.objects.filter(**of_version)),
        is_in_work=Exists(Job.objects.filter(**of_version, status__in=AT_WORK)),
    )
