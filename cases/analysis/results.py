"""Which of several results, and which of several analyses, stands for a case.

An image has at most one result a network version, and all of them are kept for ever. Where there are several,

1. a reader who has reviewed the case sees the result that the review is about;
2. a case whose reading has begun is read on with the result that its newest review is about, also by its
   further readers: a newer network never slips under an opinion that was given of an older one;
3. before that, the active version's result stands for the case;
4. and where the active version has none yet, that of the newest one that has;
5. of several images, that version's most suspicious one stands for the case (the key image): an image that
   the gate did not refuse before one that it did, a finding before none, and of these the likeliest finding,
   or the least certain "nothing found"; of equals the first by position.

A version that is not through with the case (an image of it is queued or running) stands for nothing yet, so
that the key image does not jump from one to another while a reader looks on. An image whose analysis failed
is not waited for. docs/adr/0008 says why.

The others are shown beside it, as results of other images and of other versions.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Case as When_
from django.db.models import (
    Count,
    Exists,
    F,
    IntegerField,
    Max,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
    When,
    Window,
)
from django.db.models.functions import RowNumber

from cases.blinding import results_visible_to
from cases.lifecycle import AT_WORK, ENDED_WITHOUT_RESULT, GateVerdict, JobStatus
from cases.models import Case, Job, ModelVersion, Prediction, Review
from cases.models.review import standing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from cases.permissions import Person

# The state that stands for several analyses of one version: what still moves, then what somebody has to mend.
STATUS_ORDER = (
    JobStatus.RUNNING,
    JobStatus.QUEUED,
    JobStatus.FAILED,
    JobStatus.CANCELLED,
    JobStatus.SUCCEEDED,
)
# A candidate's analysis stands for a case only where no other version was ever asked.
VERSION_ORDER = (
    "-model_version__is_active",
    "model_version__is_candidate",
    "-model_version__registered_at",
)
_IS_REFUSED = When_(
    When(gate_verdict=GateVerdict.REFUSED, then=Value(1)), default=Value(0), output_field=IntegerField()
)
IMAGE_ORDER = (_IS_REFUSED, "-suspicion", "image__position")
KEY_ORDER = (F("read_at").desc(nulls_last=True), *VERSION_ORDER, *IMAGE_ORDER)


def can_be_key(predictions: QuerySet[Prediction]) -> QuerySet[Prediction]:
    """Of versions that are through with the case, and those that were read; none of a deleted picture."""
    there = predictions.filter(image__deleted_at__isnull=True)
    return there.filter(~Exists(_at_work()) | Exists(_current_reviews()))


def key_results_first(predictions: QuerySet[Prediction]) -> QuerySet[Prediction]:
    """The results of one case that can stand for it, by rules 2 to 5: the first one does."""
    # The newest by its value: for “the first by age” a database would walk the reviews of all cases by age.
    by_result = _current_reviews().order_by().values("prediction")
    read_at = Subquery(by_result.annotate(newest=Max("created_at")).values("newest"))
    return can_be_key(predictions).annotate(read_at=read_at).order_by(*KEY_ORDER)


def key_results(whole_cases: QuerySet[Prediction]) -> QuerySet[Prediction]:
    """One result a case and version, by rule 5 alone: for figures, which count a case once.

    whole_cases: all results of some cases by some versions; what is asked of the one that stands is asked of
    the answer. They are numbered in one pass: a look at each case's own costs seconds over a large cohort.
    """
    numbered = whole_cases.filter(~Exists(_at_work())).annotate(
        place=Window(
            RowNumber(), partition_by=[F("image__case"), F("model_version")], order_by=list(IMAGE_ORDER)
        )
    )
    return Prediction.objects.filter(pk__in=numbered.filter(place=1).values("pk"))


def _at_work() -> QuerySet[Job]:
    """What the version of a prediction has yet to do with its case."""
    return Job.objects.filter(
        image__case=OuterRef("image__case"), model_version=OuterRef("model_version"), status__in=AT_WORK
    )


def _current_reviews() -> QuerySet[Review]:
    return Review.objects.filter(standing(), prediction=OuterRef("pk"))


def current_jobs_first(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Order the analyses of one case: those of the active version, or else of the newest, by STATUS_ORDER.
    The first one's state is that of the case.
    """
    places = [When(status=status, then=Value(place)) for place, status in enumerate(STATUS_ORDER)]
    by_status = When_(*places, output_field=IntegerField())
    return jobs.order_by(*VERSION_ORDER, by_status, "image__position")


def results_of(user: Person, case: Case) -> QuerySet[Prediction]:
    """All results of the case that can stand for it, the one that does first; none where they do not lie open
    before the user (cases/blinding.py).
    """
    return _in_order_for(user, _readable(user, case))


def _readable(user: Person, case: Case) -> QuerySet[Prediction]:
    """Of the pictures that are there: of a deleted one nobody is shown anything."""
    return Prediction.objects.filter(
        results_visible_to(user, "image__case__"), image__case=case, image__deleted_at__isnull=True
    )


def other_results(user: Person, shown: Prediction) -> QuerySet[Prediction]:
    """What the other versions say of the image of a result that lies open before the user, as `results_of`
    has them: they lie open with it, since they are of the same case.
    """
    of_image = Prediction.objects.filter(image=shown.image_id).exclude(pk=shown.pk)
    if not of_image.exists():  # as of most images; the order costs more to put together than this
        return Prediction.objects.none()
    return _in_order_for(user, of_image)


def _in_order_for(user: Person, predictions: QuerySet[Prediction]) -> QuerySet[Prediction]:
    own = Review.objects.filter(standing(), prediction=OuterRef("pk"), reader_id=user.pk)
    ordered = key_results_first(_with_image(predictions))
    return ordered.annotate(is_own=Exists(own)).order_by("-is_own", *KEY_ORDER)


def _with_image(predictions: QuerySet[Prediction]) -> QuerySet[Prediction]:
    # The manifest of a version is large: read once for all of its results.
    return predictions.select_related("image").prefetch_related("model_version")


def current_result(user: Person, case: Case) -> Prediction | None:
    """The result that stands for the case; None where there is none, or the user may not read it.

    Its image is the key image, which a page may mark or open at: it is known only to whom results lie open.
    """
    readable = _readable(user, case)
    some = list(_with_image(readable).annotate(is_at_work=Exists(_at_work()))[:2])
    if len(some) == 1 and not some[0].is_at_work:  # as of most cases; see `other_results`
        return some[0]
    return _in_order_for(user, readable).first() if some else None


def results_by_image(user: Person, case: Case, version: ModelVersion) -> dict[int, Prediction]:
    """What `version` says of each image of the case, by position, in one query; an image without a result is
    left out, and all of them where they do not lie open before the user.
    """
    found = _readable(user, case).filter(model_version=version)
    by_position = {}
    for prediction in found.select_related("image").order_by("image__position"):
        prediction.model_version = version  # its manifest is large: not read again for each
        by_position[prediction.image.position] = prediction
    return by_position


def has_result(case: Case) -> bool:
    """Whether there is a result that could be shown, without a look at it."""
    return can_be_key(Prediction.objects.filter(image__case=case)).exists()


def key_result_of(case: Case) -> Prediction | None:
    """The result that stands for the case, whoever asks: for services and for the teaching mode, never for a
    page that a reader sees before the own read.
    """
    results = Prediction.objects.filter(image__case=case).select_related("image")
    return key_results_first(results.prefetch_related("model_version")).first()


def is_key_result(prediction: Prediction) -> bool:
    """Whether this result stands for its case among those of its version, so that it can be judged."""
    image = prediction.image
    of_version = Prediction.objects.filter(
        image__case=image.case_id, model_version=prediction.model_version_id
    )
    return key_results_first(of_version).values_list("pk", flat=True).first() == prediction.pk


def current_job(case: Case) -> Job | None:
    """The analysis that stands for the case."""
    jobs = Job.objects.filter(image__case=case).select_related("model_version", "image__cohort")
    return current_jobs_first(jobs).first()


def jobs_to_retry(case: Case) -> list[Job]:
    """The analyses of the standing version that ended without a result, by position."""
    standing = current_job(case)
    if standing is None:
        return []
    ended = Job.objects.filter(
        image__case=case, model_version=standing.model_version, status__in=ENDED_WITHOUT_RESULT
    )
    return list(ended.select_related("image__cohort").order_by("image__position"))


@dataclass(frozen=True)
class Progress:
    """How far the standing version is with a case: images in all, with a result, and given up for now."""

    images: int = 0
    analysed: int = 0
    failed: int = 0

    @property
    def has_many(self) -> bool:
        """Whether there is anything to count."""
        return self.images > 1


def progress_of(cases: Iterable[UUID]) -> dict[UUID, Progress]:
    """How far the analysis of each case is, by the case's key, in one query for any number of cases."""
    counted = (
        Job.objects.filter(image__case__in=list(cases))
        .order_by(*VERSION_ORDER)
        .values_list("image__case", "model_version", "status")
        .annotate(n=Count("pk"))
    )
    tallies: dict[UUID, dict[UUID, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for case, version, status, n in counted:
        tallies[case][version][status] = n
    return {case: _progress(next(iter(versions.values()))) for case, versions in tallies.items()}


def _progress(tally: dict[str, int]) -> Progress:
    return Progress(
        images=sum(tally.values()),
        analysed=tally.get(JobStatus.SUCCEEDED, 0),
        failed=sum(tally.get(status, 0) for status in ENDED_WITHOUT_RESULT),
    )


def results_lying_open(user: Person, case: Case) -> QuerySet[Prediction]:
    """Every result of the case, of all its images and versions; none where they do not lie open before the
    user.
    """
    return _readable(user, case).select_related("model_version", "image")


def prediction_visible_to(user: Person, case: Case, prediction_id: str) -> Prediction:
    """One result of the case; Prediction.DoesNotExist where it does not lie open before the user."""
    return results_lying_open(user, case).get(pk=prediction_id)
