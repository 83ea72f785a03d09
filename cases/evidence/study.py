"""What the figures of a cohort are computed from: its reads and results as plain rows, in a bounded number of
queries, with what was left out and why.

Left out are sentinels (ADR 37), simulated cases, results that the input gate refused, and those of images
that the network was trained on. A cohort of simulated cases alone is a demonstration: its figures are shown,
and said to be none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import BooleanField, Count, ExpressionWrapper, F, FilteredRelation, Q
from django.utils import timezone

from cases.analysis.results import key_results
from cases.classes import labels_in
from cases.evidence.columns import Rows, Vocabulary
from cases.evidence.figures import counted
from cases.evidence.measures.calibration import brier_of_case
from cases.evidence.measures.ledger import SequentialRead
from cases.lifecycle import GateVerdict
from cases.models import ModelVersion, Prediction, Review
from cases.models.first_read import read_blind
from cases.models.review import standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cases.models import Cohort


@dataclass(frozen=True)
class StudyFilter:
    """What figures are narrowed to; what is empty narrows nothing. `since` is included, `until` not."""

    version: str = ""
    reader: UUID | None = None
    known_class: str = ""
    since: datetime | None = None
    until: datetime | None = None


class Read(NamedTuple):
    """A reader's last word on a case, and where it was committed blind, the first one.

    case: its code; each reader has one read of it. cluster: the patient, or the case where no patient is
    known. truth: empty where it is not known. network, probability: of the result that the reader was shown.
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


class Result(NamedTuple):
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

    reads: Rows[Read]
    results: Rows[Result]
    left_out: LeftOut
    classes: dict[str, str]
    readers: dict[UUID, str]
    versions: list[str]
    negative_class: str
    is_simulated: bool
    as_of: datetime

    @property
    def sequential(self) -> Iterator[Read]:
        """The reads that have a blind first one."""
        return (read for read in self.reads if read.is_sequential)

    @cached_property
    def is_sequential(self) -> bool:
        """Whether there is any."""
        return any(True for _read in self.sequential)

    @cached_property
    def read_by_several(self) -> set[str]:
        """The cases that two readers or more have read."""
        readers = Counter(read.case for read in self.reads)
        return {case for case, n in readers.items() if n > 1}

    def label(self, code: str) -> str:
        """A class as pages word it."""
        return str(self.classes.get(code, code))


def study_of(cohort: Cohort, filters: StudyFilter) -> Study:
    """Read everything; five queries, however many cases there are."""
    now = timezone.now()
    uncounted = uncounted_in(cohort)
    only_simulated = uncounted.only_simulated
    real = studied("case__", only_simulated=only_simulated)
    vocabulary = Vocabulary()
    reads, left_out, not_blind = _reads(cohort, filters, real, vocabulary)
    results = _results(cohort, filters, vocabulary, only_simulated=only_simulated)
    # Where its words stand is asked no more.
    vocabulary.clear()
    networks = list(ModelVersion.objects.order_by("-is_active", "-registered_at"))
    names = {
        user.pk: str(user) for user in get_user_model().objects.filter(pk__in={read.reader for read in reads})
    }
    return Study(
        reads=reads,
        results=results,
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


def _reads(
    cohort: Cohort, filters: StudyFilter, real: Q, vocabulary: Vocabulary
) -> tuple[Rows[Read], Counter[str], int]:
    first = FilteredRelation("case__first_reads", condition=Q(case__first_reads__reader=F("reader")))
    reviews = Review.objects.filter(standing(), real, _reviews_where(filters), case__cohort=cohort).order_by()
    is_blind = ExpressionWrapper(read_blind("first__"), output_field=BooleanField())
    rows = reviews.annotate(first=first).annotate(first_blind=is_blind)
    told = rows.values_list(
        *("case__code", "case__patient", "case__ground_truth", "reader", "final_class", "confidence"),
        *("active_seconds", "prediction__predicted_class", "prediction__confidence"),
        *("prediction__gate_verdict", "prediction__in_training", "prediction__model_version__name"),
        *("first__read_class", "first__confidence", "first__active_seconds", "first_blind", "created_at"),
    )
    reads = Rows(Read, vocabulary, numbers=("probability", "seconds"), moments=("at",))
    left_out, not_blind = Counter[str](), 0
    for row in told.iterator():
        case, patient, truth, reader, after, confidence, seconds, network, probability, *rest = row
        gate, trained, version, before, before_confidence, first_seconds, is_blind, at = rest
        if gate == GateVerdict.REFUSED or trained:
            left_out["refused" if gate == GateVerdict.REFUSED else "trained"] += 1
            continue
        not_blind += bool(before) and not is_blind
        reads.append(
            Read(
                case=case,
                cluster=patient or case,
                truth=truth,
                reader=reader,
                network=network,
                probability=probability,
                before=before if before and is_blind else "",
                before_confidence=before_confidence if before and is_blind else 0,
                after=after,
                confidence=confidence,
                seconds=seconds if first_seconds is None else first_seconds,
                version=version,
                at=at,
            )
        )
    return reads, left_out, not_blind


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


def _results(
    cohort: Cohort, filters: StudyFilter, vocabulary: Vocabulary, *, only_simulated: bool
) -> Rows[Result]:
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
    results = Rows(Result, vocabulary, numbers=("probability", "brier"))
    for case, patient, truth, version, predicted, probability, shares in told.iterator():
        brier = brier_of_case(shares, truth)
        results.append(Result(case, patient or case, truth, version, predicted, probability, brier))
    return results
