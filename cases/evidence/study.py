"""What the figures of a cohort are computed from: its reads and results as plain rows, in a bounded number of
queries, with what was left out and why.

Left out are sentinels (ADR 37), simulated cases, results that the input gate refused, and those of images
that the network was trained on. A cohort of simulated cases alone is a demonstration: its figures are shown,
and said to be none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib.auth import get_user_model
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.utils import timezone

from cases.analysis.results import key_results
from cases.classes import labels_in
from cases.evidence.figures import counted
from cases.evidence.measures.calibration import brier_of_case
from cases.evidence.measures.ledger import SequentialRead
from cases.lifecycle import GateVerdict
from cases.models import FirstRead, ModelVersion, Prediction, Review
from cases.models.first_read import read_blind
from cases.models.review import standing

if TYPE_CHECKING:
    from uuid import UUID

    from cases.models import Cohort

Kept = TypeVar("Kept")


@dataclass(frozen=True)
class StudyFilter:
    """What figures are narrowed to; what is empty narrows nothing. `since` is included, `until` not."""

    version: str = ""
    reader: UUID | None = None
    known_class: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """A reader's last word on a case, and where it was committed blind, the first one.

    case: its code. cluster: the patient, or the case where no patient is known. truth: empty where it is not
    known. network, probability: of the result that the reader was shown.
    """

    case: str
    cluster: str
    truth: str
    reader: UUID
    network: str
    probability: float
    before: str
    before_confidence: int
    after: str
    confidence: int
    seconds: float | None
    version: str
    at: datetime

    @property
    def is_sequential(self) -> bool:
        """Whether it has a blind first read."""
        return self.before != ""

    @property
    def own(self) -> str:
        """The class that owes the network nothing, where there is one; else the last word."""
        return self.before or self.after

    def in_sequence(self) -> SequentialRead:
        """As the ledger counts it."""
        return SequentialRead(self.cluster, self.network, self.before, self.after, self.truth)


@dataclass(frozen=True, slots=True)
class Result:
    """What one network says of a case of known class. brier: of its probabilities, 0 to 2."""

    case: str
    cluster: str
    truth: str
    version: str
    predicted: str
    probability: float
    brier: float


@dataclass(frozen=True)
class LeftOut:
    """What the figures do not count, and why."""

    simulated_cases: int = 0
    refused_reads: int = 0
    trained_on_reads: int = 0
    not_blind: int = 0
    sentinel_cases: int = 0


@dataclass(frozen=True)
class Study:
    """All that the figures of one cohort need. classes: label by code. readers: name by id. versions: names
    of all networks, the newest last.
    """

    reads: list[Read]
    results: list[Result]
    left_out: LeftOut
    classes: dict[str, str]
    readers: dict[UUID, str]
    versions: list[str]
    negative_class: str
    is_simulated: bool
    as_of: datetime
    sequential: list[Read] = field(default_factory=list)

    def label(self, code: str) -> str:
        """A class as pages word it."""
        return str(self.classes.get(code, code))


def study_of(cohort: Cohort, filters: StudyFilter) -> Study:
    """Read everything; five queries, however many cases there are."""
    now = timezone.now()
    uncounted = uncounted_in(cohort)
    only_simulated = uncounted.only_simulated
    real = studied("case__", only_simulated=only_simulated)
    reads, left_out, not_blind = _reads(cohort, filters, real)
    networks = list(ModelVersion.objects.order_by("-is_active", "-registered_at"))
    names = {
        user.pk: str(user) for user in get_user_model().objects.filter(pk__in={read.reader for read in reads})
    }
    return Study(
        reads=reads,
        results=_results(cohort, filters, only_simulated=only_simulated),
        left_out=LeftOut(
            simulated_cases=0 if only_simulated else uncounted.simulated,
            refused_reads=left_out["refused"],
            trained_on_reads=left_out["trained"],
            not_blind=not_blind,
            sentinel_cases=uncounted.sentinels,
        ),
        classes=labels_in(network.manifest["classes"] for network in networks),
        readers=dict(sorted(names.items(), key=lambda item: item[1])),
        versions=[version.name for version in sorted(networks, key=_age)],
        negative_class=next((v.negative_class for v in networks if v.negative_class), ""),
        is_simulated=only_simulated,
        as_of=now,
        sequential=[read for read in reads if read.is_sequential],
    )


def _age(version: ModelVersion) -> tuple[datetime, str]:
    """The oldest network first."""
    return version.registered_at, version.name


@dataclass(frozen=True)
class Uncounted:
    """Cases that figures do not count. only_simulated: all cases are: they are shown as a demonstration."""

    simulated: int
    sentinels: int
    only_simulated: bool


def uncounted_in(cohort: Cohort) -> Uncounted:
    """How many there are."""
    cases = cohort.cases.aggregate(
        n=Count("pk"),
        simulated=Count("pk", filter=Q(is_simulated=True)),
        sentinels=Count("pk", filter=Q(is_sentinel=True)),
    )
    only_simulated = 0 < cases["n"] == cases["simulated"]
    return Uncounted(cases["simulated"], cases["sentinels"], only_simulated)


def studied(prefix: str, *, only_simulated: bool) -> Q:
    """The condition on cases (at the end of the path `prefix`) that figures may count."""
    told = {f"{prefix}is_sentinel": False}
    return Q(**told) if only_simulated else Q(**told, **{f"{prefix}is_simulated": False})


def _reads(cohort: Cohort, filters: StudyFilter, real: Q) -> tuple[list[Read], Counter[str], int]:
    first = FirstRead.objects.filter(case=OuterRef("case"), reader=OuterRef("reader"))
    reviews = Review.objects.filter(standing(), real, _reviews_where(filters), case__cohort=cohort).order_by()
    rows = reviews.annotate(
        first_class=Subquery(first.values("read_class")[:1]),
        first_confidence=Subquery(first.values("confidence")[:1]),
        first_seconds=Subquery(first.values("active_seconds")[:1]),
        first_blind=Exists(first.filter(read_blind())),
    ).values_list(
        *("case__code", "case__patient", "case__ground_truth", "reader", "final_class", "confidence"),
        *("active_seconds", "prediction__predicted_class", "prediction__confidence"),
        *("prediction__gate_verdict", "prediction__in_training", "prediction__model_version__name"),
        *("first_class", "first_confidence", "first_seconds", "first_blind", "created_at"),
    )
    reads, left_out, not_blind, once = [], Counter[str](), 0, _Once()
    for row in rows.iterator():
        case, patient, truth, reader, after, confidence, seconds, network, probability, *rest = row
        gate, trained, version, before, before_confidence, first_seconds, is_blind, at = rest
        if gate == GateVerdict.REFUSED or trained:
            left_out["refused" if gate == GateVerdict.REFUSED else "trained"] += 1
            continue
        not_blind += bool(before) and not is_blind
        reads.append(
            Read(
                case=case,
                cluster=once(patient or case),
                truth=once(truth),
                reader=once(reader),
                network=once(network),
                probability=probability,
                before=once(before if is_blind else ""),
                before_confidence=before_confidence if is_blind else 0,
                after=once(after),
                confidence=confidence,
                seconds=seconds if first_seconds is None else first_seconds,
                version=once(version),
                at=at,
            )
        )
    return reads, left_out, not_blind


class _Once:
    """Equal values as one object: of 100,000 rows most repeat a class, a reader or a version."""

    def __init__(self) -> None:
        self.known: dict[Any, Any] = {}

    def __call__(self, value: Kept) -> Kept:
        kept: Kept = self.known.setdefault(value, value)
        return kept


def _reviews_where(filters: StudyFilter) -> Q:
    where = Q()
    if filters.version:
        where &= Q(prediction__model_version__name=filters.version)
    if filters.reader:
        where &= Q(reader=filters.reader)
    if filters.known_class:
        where &= Q(case__ground_truth=filters.known_class)
    if filters.since:
        where &= Q(created_at__gte=filters.since)
    if filters.until:
        where &= Q(created_at__lt=filters.until)
    return where


def _results(cohort: Cohort, filters: StudyFilter, *, only_simulated: bool) -> list[Result]:
    of_cohort: dict[str, Any] = {"image__cohort": cohort}
    if filters.version:
        of_cohort["model_version__name"] = filters.version
    if filters.known_class:
        of_cohort["image__case__ground_truth"] = filters.known_class
    real = studied("image__case__", only_simulated=only_simulated)
    known = Prediction.objects.filter(real, **of_cohort).exclude(image__case__ground_truth="")
    rows = key_results(known).filter(counted()).order_by("image__case__code", "model_version__name")
    told = rows.values_list(
        *("image__case__code", "image__case__patient", "image__case__ground_truth", "model_version__name"),
        *("predicted_class", "confidence", "probabilities"),
    )
    once = _Once()
    return [
        Result(
            case=case,
            cluster=once(patient or case),
            truth=once(truth),
            version=once(version),
            predicted=once(predicted),
            probability=probability,
            brier=brier_of_case(shares, truth),
        )
        for case, patient, truth, version, predicted, probability, shares in told.iterator()
    ]
