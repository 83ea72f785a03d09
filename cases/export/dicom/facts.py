"""What the instances of one case tell: the rows that stand for it, and their English words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from django.utils.translation import override

from cases.analysis.results import key_result_of
from cases.classes import class_label
from cases.lifecycle import NOT_READABLE, OTHER_FINDING, CaseState
from cases.models import Adjudication, Case, FirstRead, Image, ModelVersion, Prediction, Review
from cases.models.review import standing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from inference.formats.base import Original

Said: TypeAlias = FirstRead | Review | Adjudication
# Of a code's meaning (PS3.5, 6.2: LO). The standard counts characters, and some that read it count bytes.
MOST_BYTES = 64


@dataclass(frozen=True)
class Finding:
    """A class as a code and in words that claim no histology."""

    code: str
    words: str


@dataclass(frozen=True)
class Previous:
    """The review that was amended, and whether its report was verified."""

    review: UUID
    is_verified: bool


@dataclass(frozen=True)
class Read:
    """What one reader says of the case in the end, and what the same reader had said before the reveal.

    is_verified: it is what stands for the case, and nobody has another word in it. previous: what an archive
    may have been told before the reader amended it.
    """

    said: Review | Adjudication
    first: FirstRead | None
    reader: str
    is_verified: bool
    previous: Previous | None = None

    @property
    def is_adjudication(self) -> bool:
        """Whether it decides what the readers of the case differ about."""
        return isinstance(self.said, Adjudication)


@dataclass(frozen=True)
class CaseFacts:
    """One case: the pictures that something is said of, the network's result, and the reads in the end.

    link: what names each of the images in the archive that it comes from, where that is told; by position.
    """

    case: Case
    images: list[Image]
    result: Prediction
    reads: list[Read]
    link: Mapping[int, Original] = field(default_factory=dict)


def facts_of(case: Case) -> CaseFacts | None:
    """What is told of a case; None where nobody has read it."""
    reviews = list(
        Review.objects.filter(standing(), case=case)
        .select_related("prediction__image")
        .prefetch_related("prediction__model_version")
        .order_by("created_at", "id")
    )
    result = key_result_of(case)
    if not reviews or result is None:
        return None
    reads = _reads(case, reviews)
    told = {result.image.position, *(review.prediction.image.position for review in reviews)}
    told |= {region.get("image", 0) for read in reads if (region := read.said.region)}
    told |= {region.get("image", 0) for read in reads if read.first and (region := read.first.region)}
    images = [image for image in case.images.order_by("position") if image.position in told]
    if any(image.deleted_at for image in images):
        return None
    return CaseFacts(case, images, result, reads)


def _reads(case: Case, reviews: list[Review]) -> list[Read]:
    decision = Adjudication.objects.filter(case=case).first()
    first = {read.reader_id: read for read in FirstRead.objects.filter(case=case)}
    is_over = case.state == CaseState.REVIEWED
    agree = len({review.final_class for review in reviews}) == 1
    reads = [
        Read(
            review,
            first.get(review.reader_id),
            str(review.reader_id),
            is_verified=is_over and agree and decision is None,
            previous=_previous(case, review) if review.amends_id else None,
        )
        for review in reviews
    ]
    if decision:
        reads.append(Read(decision, None, str(decision.adjudicator_id), is_verified=is_over))
    return reads


def _previous(case: Case, review: Review) -> Previous | None:
    """What had been said in the place of an amendment, where the case was over by then: of one that was not,
    no archive has a report.
    """
    before: dict[UUID, Review] = {}
    earlier = Review.objects.filter(case=case, is_remark=False, created_at__lt=review.created_at)
    for each in earlier.order_by("created_at", "id"):
        before[each.reader_id] = each
    terms = case.protocol or case.cohort
    if review.amends_id is None or len(before) < terms.readers_required:
        return None
    return Previous(review.amends_id, len({each.final_class for each in before.values()}) == 1)


def finding_of(said: Said) -> Finding:
    """The class that a reader names. What was typed beside it stays here: words might name somebody."""
    code = said.read_class if isinstance(said, FirstRead) else said.final_class
    with override("en"):
        label = class_label(code)
    is_a_finding = code not in (OTHER_FINDING, NOT_READABLE) and code not in _negative_classes()
    return Finding(code, _suspected(label) if is_a_finding else as_meaning(label))


def finding_of_class(version: ModelVersion, code: str) -> Finding:
    """A class as a network words it."""
    with override("en"):
        label = version.class_labels[code]
    return Finding(code, as_meaning(label) if code == version.negative_class else _suspected(label))


def as_meaning(words: str) -> str:
    """As much of the words as a code's meaning holds."""
    return words.encode()[:MOST_BYTES].decode(errors="ignore").strip()


def _negative_classes() -> set[str | None]:
    return set(ModelVersion.objects.values_list("manifest__negative_class", flat=True))


def _suspected(label: str) -> str:
    return as_meaning(f"Suspected {label[:1].lower()}{label[1:]}")


def made_at(said: Said | Prediction | Image) -> datetime:
    """When the thing came to be, in the database's time (UTC)."""
    return said.created_at
