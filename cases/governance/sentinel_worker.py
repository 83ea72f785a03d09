"""The sentinels of each cohort, asked of the network that became active: beat starts a round a minute, in a
worker. What is found lies in sentinel_checks.py.
"""

from __future__ import annotations

import logging

from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from cases import audit
from cases.access import images_for_networks
from cases.analysis import worker
from cases.analysis.network import Network
from cases.governance.alerts import raise_for_sentinels
from cases.governance.sentinel_checks import newest_check, outcomes, waiting_in
from cases.models import Case, Cohort, ModelVersion, SentinelAnswer, SentinelCheck
from inference.errors import InferenceError, ManifestError

logger = logging.getLogger(__name__)
# So many pictures a round, that readers' cases do not wait long behind them.
ROUND = 50
TOO_LONG = "The analysis took too long and was stopped."


def advance() -> None:
    """Begin the checks that are due, answer some of what waits, and finish what is through."""
    version = ModelVersion.objects.filter(is_active=True).first()
    if version is None:
        return
    marked = Case.objects.filter(cohort=OuterRef("pk"), is_sentinel=True)
    checks = [_begin(cohort, version) for cohort in Cohort.objects.filter(Exists(marked))]
    _answer_some(version, checks)
    for check in checks:
        _finish(check)


def _begin(cohort: Cohort, version: ModelVersion) -> SentinelCheck:
    """The check of the cohort by this network, with a row for each picture that is a sentinel's by now."""
    with transaction.atomic():
        # The lock of two rounds at once.
        cohort = Cohort.objects.select_for_update().get(pk=cohort.pk)
        check = newest_check(cohort)
        if check is None or check.version_id != version.pk:
            check = SentinelCheck.objects.create(cohort=cohort, version=version)
            audit.record(
                by=None, action="sentinel.reanalysed", subject=check, cohort=cohort, name=version.name
            )
        asked = SentinelAnswer.objects.filter(check_run=check, image=OuterRef("pk"))
        images = images_for_networks(cohort).filter(~Exists(asked), case__is_sentinel=True)
        new = [SentinelAnswer(check_run=check, image_id=key) for key in images.values_list("pk", flat=True)]
        if SentinelAnswer.objects.bulk_create(new) and check.finished_at:
            check.finished_at = None
            check.save(update_fields=["finished_at"])
    return check


def _answer_some(version: ModelVersion, checks: list[SentinelCheck]) -> None:
    rows = waiting_in(check.pk for check in checks).select_related("image").order_by("attempts", "pk")[:ROUND]
    for row in rows:
        try:
            _answer(row, version)
        except ManifestError as error:
            # Nothing about this picture: the next round tries again.
            logger.error("Sentinels wait for their network (%s): %s", error.code, error.message)  # noqa: TRY400
            return


def _answer(row: SentinelAnswer, version: ModelVersion) -> None:
    """Ask the network about one picture; what fails is tried again as often as a job."""
    own = SentinelAnswer.objects.filter(pk=row.pk, predicted_class="", attempts=row.attempts)
    try:
        result = worker.infer(Network.of(version), row.image.file)
    except ManifestError:
        raise
    except SoftTimeLimitExceeded:
        own.update(attempts=F("attempts") + 1, error=TOO_LONG)
        raise
    except Exception as error:
        logger.exception("A sentinel's picture could not be analysed.")
        said = error.message if isinstance(error, InferenceError) else worker.UNEXPECTED.message
        own.update(attempts=F("attempts") + 1, error=said)
        return
    own.update(
        predicted_class=result.predicted_class,
        suspicion=result.suspicion(version.negative_class),
        gate_verdict=result.gate_verdict,
        in_training=result.in_training,
        attempts=F("attempts") + 1,
        error="",
    )


def _finish(check: SentinelCheck) -> None:
    """End a check that is through, and raise an alert where a sentinel was right before and is wrong now."""
    if check.finished_at or waiting_in([check.pk]).exists():
        return
    with transaction.atomic():
        running = SentinelCheck.objects.filter(pk=check.pk, finished_at__isnull=True)
        if running.update(finished_at=timezone.now()) != 1:
            return
        found = outcomes(check)
        right = [outcome for outcome in found if outcome.was_right]
        lost = sum(not outcome.is_right for outcome in right)
        audit.record(
            by=None,
            action="sentinel.compared",
            subject=check,
            cohort=check.cohort,
            name=check.version.name,
            sentinels=len(found),
            formerly_right=len(right),
            lost=lost,
        )
        if lost:
            raise_for_sentinels(check, lost=lost, n=len(right))
