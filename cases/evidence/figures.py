"""What the dashboard shows, as aggregates: the number of queries is the same for any number of cases.

Every function takes a cohort; the view has made sure that the user manages it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from cases.analysis.results import key_results
from cases.evidence.clustered import share_where
from cases.evidence.measures.proportions import Share
from cases.lifecycle import AT_WORK, UNREAD_STATES, CaseState, GateVerdict, JobStatus, Reading, Verdict
from cases.models import Case, Cohort, DriftAlert, Job, ModelVersion, Prediction, Review
from cases.models.job import WITHOUT_RESULT
from cases.models.review import standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DAYS = 14
FAILED_SHOWN = 20
# The median is taken over the analyses of the newest cases only, so that it stays cheap and tells of today.
TIMED = 1000


@dataclass(frozen=True)
class Tally:
    """How many are in one state."""

    code: str
    label: str
    n: int


@dataclass(frozen=True)
class Waiting:
    """The case that has waited longest, and since when."""

    code: str
    since: datetime


@dataclass(frozen=True)
class Durations:
    """Medians over `n` analyses of the newest cases, in seconds; None where there are none."""

    n: int
    network: float | None
    from_queued: float | None


@dataclass(frozen=True)
class ReaderTally:
    """What one reader has read, as last amended: all of it, of that what is compared with the network
    (`counted`), and of that what agrees.
    """

    name: str
    n: int
    compared: int
    agreed: int


@dataclass(frozen=True)
class DayTally:
    """Reads given on one day."""

    day: date
    n: int


@dataclass(frozen=True)
class Accuracy:
    """Who was right, against the known class; never over simulated cases."""

    who: str
    is_network: bool
    share: Share


def cases_by_state(cohort: Cohort) -> list[Tally]:
    """All cases of the cohort, by what the readers have done."""
    counts = dict(cohort.cases.order_by().values_list("state").annotate(n=Count("pk")))
    return [Tally(state.value, str(state.label), counts.get(state.value, 0)) for state in CaseState]


def jobs_by_status(cohort: Cohort) -> list[Tally]:
    """All analyses of the cohort, by what the computer has done."""
    jobs = Job.objects.filter(image__cohort=cohort).order_by()
    counts = dict(jobs.values_list("status").annotate(n=Count("pk")))
    return [Tally(status.value, str(status.label), counts.get(status.value, 0)) for status in JobStatus]


def failed_jobs(cohort: Cohort) -> QuerySet[Job]:
    """The newest analyses that failed for good, with their case."""
    failed = Job.objects.filter(WITHOUT_RESULT, image__cohort=cohort, status=JobStatus.FAILED)
    return failed.select_related("image__case").order_by("-finished_at")[:FAILED_SHOWN]


def alerts_open(cohort: Cohort) -> int:
    """How many drift alerts nobody has answered (cases/governance/alerts.py raises them)."""
    return DriftAlert.objects.filter(cohort=cohort, acknowledged_at__isnull=True).count()


def oldest_unread(cohort: Cohort) -> Waiting | None:
    """The case that has waited longest for a reader; in teaching none does."""
    if cohort.reading == Reading.TEACHING:
        return None
    unread = cohort.cases.filter(state__in=UNREAD_STATES).order_by("created_at", "id")
    first = unread.values_list("code", "created_at").first()
    return Waiting(*first) if first else None


def oldest_unanalysed(cohort: Cohort) -> Waiting | None:
    """The case that has waited longest for its analysis."""
    waiting = Job.objects.filter(WITHOUT_RESULT, image__cohort=cohort, status__in=AT_WORK).order_by(
        "queued_at"
    )
    first = waiting.values_list("image__case__code", "queued_at").first()
    return Waiting(*first) if first else None


def analysis_durations(cohort: Cohort) -> Durations:
    """How long the network takes, and how long a case takes from the queue to its result."""
    newest = cohort.cases.order_by("-created_at", "-id").values("pk")[:TIMED]
    timed = (
        Prediction.objects.filter(
            image__case__in=newest,
            image__jobs__model_version=F("model_version"),
            image__jobs__finished_at__isnull=False,
        )
        .order_by("-created_at")
        .values_list("seconds", "image__jobs__queued_at", "image__jobs__finished_at")[:TIMED]
    )
    rows = list(timed)
    if not rows:
        return Durations(0, None, None)
    return Durations(
        len(rows),
        median(seconds for seconds, _, _ in rows),
        median((finished - queued).total_seconds() for _, queued, finished in rows if finished),
    )


def _current_reviews(cohort: Cohort) -> QuerySet[Review]:
    return Review.objects.filter(standing(), case__cohort=cohort).order_by()


def given(prefix: str = "") -> Q:
    """Results of which a class was given."""
    return ~Q(**{f"{prefix}gate_verdict": GateVerdict.REFUSED})


def not_trained_on(prefix: str = "") -> Q:
    """Results of images that the network was not trained on, as far as it says."""
    return Q(**{f"{prefix}in_training": False}) | Q(**{f"{prefix}in_training__isnull": True})


def counted(prefix: str = "") -> Q:
    """Results that figures may count."""
    return given(prefix) & not_trained_on(prefix)


@dataclass(frozen=True)
class GateTally:
    """Results of the cohort, one a case and network, by what the gate said; and those of images that were
    trained on.
    """

    uncertain: int
    refused: int
    trained_on: int


def gate_tally(cohort: Cohort) -> GateTally:
    """How many results are uncertain, refused, or of images that the network was trained on."""
    told_apart = Q(gate_verdict__in=(GateVerdict.UNCERTAIN, GateVerdict.REFUSED)) | Q(in_training=True)
    # Which of a case's results stands is asked only where one of them counts.
    some = Prediction.objects.filter(told_apart, image__cohort=cohort).values("image__case")
    found = key_results(Prediction.objects.filter(image__case__in=some)).aggregate(
        uncertain=Count("pk", filter=Q(gate_verdict=GateVerdict.UNCERTAIN)),
        refused=Count("pk", filter=Q(gate_verdict=GateVerdict.REFUSED)),
        trained_on=Count("pk", filter=Q(in_training=True)),
    )
    return GateTally(**found)


def reads_left_out(readers: Iterable[ReaderTally]) -> int:
    """How many of the readers' reads are no part of the agreement."""
    return sum(reader.n - reader.compared for reader in readers)


def agreement(cohort: Cohort) -> Share:
    """How often readers, as last amended, agree with the network, where `counted` holds."""
    compared = _current_reviews(cohort).filter(_compared())
    return share_where(compared, "case__", Q(verdict=Verdict.AGREE))


def _compared() -> Q:
    """Reviews that are compared with the network."""
    return counted("prediction__") & Q(case__is_sentinel=False)


def confusion(cohort: Cohort) -> Mapping[tuple[str, str], int]:
    """Reads by (class of the network, class of the reader)."""
    reads = _current_reviews(cohort).filter(_compared())
    rows = reads.values_list("prediction__predicted_class", "final_class")
    return {(predicted, read): n for predicted, read, n in rows.annotate(n=Count("pk"))}


def reads_by_reader(cohort: Cohort) -> list[ReaderTally]:
    """Who has read how much, most first."""
    rows = (
        _current_reviews(cohort)
        .values("reader_id", "reader__full_name", "reader__email")
        .annotate(
            n=Count("pk"),
            compared=Count("pk", filter=_compared()),
            agreed=Count("pk", filter=_compared() & Q(verdict=Verdict.AGREE)),
        )
        .order_by("-n", "reader__full_name")
    )
    return [
        ReaderTally(
            row["reader__full_name"] or row["reader__email"], row["n"], row["compared"], row["agreed"]
        )
        for row in rows
    ]


def reads_by_day(cohort: Cohort) -> list[DayTally]:
    """First reads, not amendments, on each of the last DAYS days, oldest first."""
    today = timezone.localdate()
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    since = timezone.make_aware(datetime.combine(days[0], datetime.min.time()))
    rows = (
        Review.objects.filter(
            case__cohort=cohort, amends__isnull=True, is_remark=False, created_at__gte=since
        )
        .order_by()
        .annotate(day=TruncDate("created_at"))
        .values_list("day")
        .annotate(n=Count("pk"))
    )
    counts = dict(rows)
    return [DayTally(day, counts.get(day, 0)) for day in days]


def simulated_cases(cohort: Cohort) -> int:
    """How many cases of the cohort were made for demonstration."""
    return cohort.cases.filter(is_simulated=True).count()


def _with_truth() -> Q:
    return Q(is_simulated=False, is_sentinel=False) & ~Q(ground_truth="")


def accuracies(cohort: Cohort) -> list[Accuracy]:
    """Each network version and the readers together, against the known class of real cases.

    A case of many images counts once, by the image that stands for it.
    """
    known = Case.objects.filter(_with_truth(), cohort=cohort).values("pk")
    results = key_results(Prediction.objects.filter(image__case__in=known)).filter(counted())
    used = Prediction.objects.filter(image__cohort=cohort).order_by().values("model_version")
    networks = ModelVersion.objects.filter(pk__in=used).order_by("name").values_list("pk", "name")
    said_right = Q(predicted_class=F("image__case__ground_truth"))
    found = [
        Accuracy(
            name,
            is_network=True,
            share=share_where(results.filter(model_version=key), "image__case__", said_right),
        )
        for key, name in networks
    ]
    readers = _current_reviews(cohort).filter(case__in=known)
    found.append(
        Accuracy(
            "", is_network=False, share=share_where(readers, "case__", Q(final_class=F("case__ground_truth")))
        )
    )
    return [each for each in found if each.share.n]
