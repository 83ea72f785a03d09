"""Which of several results, and which of several analyses, stands for a case.

An image has at most one result a network version, and all of them are kept for ever. Where there are several,

1. a reader who has reviewed the case sees the result that the review is about;
2. a case whose reading has begun is read on with the result that its newest review is about, also by its
   further readers: a newer network never slips under an opinion that was given of an older one;
3. before that, the active version's result stands for the case;
4. and where the active version has none yet, the newest one does.

The others are shown beside it, as results of other versions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists, F, Max, OuterRef, QuerySet, Subquery

from cases.models import Case, Job, Prediction, Review
from cases.revealing import results_open

if TYPE_CHECKING:
    from cases.permissions import Person

STANDING_ORDER = (F("read_at").desc(nulls_last=True), "-model_version__is_active", "-created_at")


def standing_first(predictions: QuerySet[Prediction]) -> QuerySet[Prediction]:
    """Order the results of one case by rules 2 to 4: the first one stands for the case."""
    given = Review.objects.filter(prediction=OuterRef("pk"), amended_by__isnull=True)
    # The newest by its value: for “the first by age” a database would walk the reviews of all cases by age.
    newest = given.order_by().values("prediction").annotate(newest=Max("created_at")).values("newest")
    read_at = Subquery(newest)
    return predictions.annotate(read_at=read_at).order_by(*STANDING_ORDER)


def jobs_standing_first(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Order the analyses of one case: the active version's, or else the newest, stands for the case."""
    return jobs.order_by("-model_version__is_active", "-queued_at")


def results_of(user: Person, case: Case) -> QuerySet[Prediction]:
    """All results of the case, the one that stands for it first; none where they do not lie open before the
    user (cases/revealing.py).
    """
    own = Review.objects.filter(prediction=OuterRef("pk"), reader_id=user.pk, amended_by__isnull=True)
    readable = Prediction.objects.filter(results_open(user, "image__case__"), image__case=case)
    ordered = standing_first(readable.select_related("image").prefetch_related("model_version"))
    return ordered.annotate(is_own=Exists(own)).order_by("-is_own", *STANDING_ORDER)


def current_result(user: Person, case: Case) -> Prediction | None:
    """The result that stands for the case; None where there is none, or the user may not read it."""
    return results_of(user, case).first()


def has_result(case: Case) -> bool:
    """Whether there is a result that could be shown, without a look at it."""
    return Prediction.objects.filter(image__case=case).exists()


def standing_result(case: Case) -> Prediction | None:
    """The result that stands for the case, whoever asks: for services and for the teaching mode, never for a
    page that a reader sees before the own read.
    """
    results = Prediction.objects.filter(image__case=case).select_related("image")
    return standing_first(results.prefetch_related("model_version")).first()


def current_job(case: Case) -> Job | None:
    """The analysis that stands for the case."""
    jobs = Job.objects.filter(image__case=case).select_related("model_version", "image__cohort")
    return jobs_standing_first(jobs).first()
