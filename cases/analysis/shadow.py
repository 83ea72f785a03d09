"""A candidate in shadow: a network that was never active analyses a cohort, and no reader is shown what it
says.

Its results lie in a table of their own, so that nothing that asks for predictions can come upon them. Once it
is active they are predictions, and nothing is analysed twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _t

from cases import audit
from cases.access import images_for_networks
from cases.analysis import jobs
from cases.batches import BATCH_SIZE
from cases.lifecycle import AT_WORK, ENDED_WITHOUT_RESULT, JobStatus
from cases.models import Cohort, Job, ModelVersion, Prediction, ShadowResult
from cases.models.prediction import ResultFields
from cases.permissions import Action, require

if TYPE_CHECKING:
    from portal.accounts.models import User

_SAID = [field.name for field in ResultFields._meta.fields]


@dataclass(frozen=True)
class ShadowProgress:
    """How far a candidate is with a cohort, in images."""

    images: int
    analysed: int
    in_work: int
    failed: int

    @property
    def to_queue(self) -> int:
        """What a run would queue: was never asked of it, or ended without a result."""
        return self.images - self.analysed - self.in_work


def progress_in(cohort: Cohort, version: ModelVersion) -> ShadowProgress:
    """How far it is."""
    counts = Job.objects.filter(image__cohort=cohort, model_version=version).aggregate(
        analysed=Count("pk", filter=Q(status=JobStatus.SUCCEEDED)),
        in_work=Count("pk", filter=Q(status__in=AT_WORK)),
        failed=Count("pk", filter=Q(status__in=ENDED_WITHOUT_RESULT)),
    )
    return ShadowProgress(images_for_networks(cohort).count(), **counts)


def run_in_shadow(*, by: User, cohort: Cohort, version: ModelVersion) -> int:
    """Have a candidate analyse what it has not analysed of the cohort; how many images were queued.

    Raises ValidationError where it is, or was, in use: then its results are shown.
    """
    require(by, Action.MANAGE, cohort)
    with transaction.atomic():
        # The lock of two who ask at once, and of an activation meanwhile.
        Cohort.objects.select_for_update().get(pk=cohort.pk)
        version = ModelVersion.objects.select_for_update(no_key=True).get(pk=version.pk)
        if not version.is_candidate:
            raise ValidationError(
                _t("“%(name)s” is, or was, in use: only a network that never was runs in shadow.")
                % {"name": version.name}
            )
        queued = progress_in(cohort, version).to_queue
        if queued:
            jobs.queue_again(Job.objects.filter(image__cohort=cohort, model_version=version))
            jobs.queue_images(images_for_networks(cohort).order_by("created_at", "pk"), version)
            details: dict[str, audit.Detail] = {"name": version.name, "queued": queued}
            audit.record(by=by, action="model.shadowed", subject=version, cohort=cohort, **details)
    return queued


def publish(version: ModelVersion) -> None:
    """Make predictions of what the version said in shadow. Call it where it becomes active, with its row
    locked: a worker that is through at the same moment waits for that.
    """
    rows = ShadowResult.objects.filter(model_version=version).order_by().values("image_id", *_SAID)
    batch: list[Prediction] = []
    for row in rows.iterator(BATCH_SIZE):
        batch.append(Prediction(model_version=version, **row))
        if len(batch) == BATCH_SIZE:
            Prediction.objects.bulk_create(batch)
            batch = []
    Prediction.objects.bulk_create(batch)
