"""What is to be deleted, and how much of what goes and stays with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cases.access import existing_images
from cases.blinding import OVER
from cases.lifecycle import DeletionKind, SendingState
from cases.models import (
    Adjudication,
    Case,
    Cohort,
    Draft,
    FirstRead,
    Image,
    Job,
    OriginalReference,
    Prediction,
    Review,
    Sending,
    ShadowResult,
    Snapshot,
    TeachingRead,
)

if TYPE_CHECKING:
    from uuid import UUID


@dataclass(frozen=True)
class Target:
    """One picture, one case, all cases of a cohort, or those that a cohort has kept long enough. keys: of the
    pictures alone that a ledger names (cases/deletion/ledger.py).
    """

    kind: DeletionKind
    cohort: Cohort
    case: Case | None = None
    image: Image | None = None
    received_before: datetime | None = None
    keys: tuple[UUID, ...] = ()

    @property
    def subject(self) -> UUID:
        """The key of the picture, case or cohort."""
        return (self.image or self.case or self.cohort).pk

    def images(self) -> QuerySet[Image]:
        """The pictures that go."""
        if self.keys:
            return existing_images().filter(pk__in=self.keys)
        if self.image:
            return existing_images().filter(pk=self.image.pk, case__cohort=self.cohort)
        if self.case:
            return existing_images().filter(case=self.case, case__cohort=self.cohort)
        if self.kind == DeletionKind.EXPIRED:
            return existing_images().filter(case__in=expired_cases(self.cohort, self.received_before))
        return existing_images().filter(case__cohort=self.cohort)

    def cases(self) -> QuerySet[Case]:
        """The cases that they are of."""
        return Case.objects.filter(pk__in=self.images().order_by().values("case"))


def target_of_picture(case: Case, position: str) -> Target | None:
    """The picture at this position; the case, where no other is left. None where there is none."""
    images = list(existing_images().filter(case=case).order_by("position"))
    image = next((each for each in images if str(each.position) == position), None)
    if image is None:
        return None
    if len(images) == 1:
        return Target(DeletionKind.CASE, case.cohort, case)
    return Target(DeletionKind.PICTURE, case.cohort, case, image)


def expired_cases(cohort: Cohort, before: datetime | None) -> QuerySet[Case]:
    """The cases that are over, and that came in and were last spoken of before this time."""
    spoken = (FirstRead, Review, Adjudication)
    cases = Case.objects.filter(cohort=cohort, state__in=OVER, deleted_at__isnull=True, created_at__lt=before)
    for model in spoken:
        cases = cases.exclude(Exists(model.objects.filter(case=OuterRef("pk"), created_at__gte=before)))
    return cases


@dataclass(frozen=True)
class Extent:
    """How much goes, and how much stays."""

    cases: int
    pictures: int
    maps: int
    analyses: int
    drafts: int
    originals: int
    sendings: int
    results: int
    statements: int
    teaching_reads: int
    sent: int
    snapshots: int

    def counts(self) -> dict[str, int]:
        """As the tombstone keeps it."""
        return asdict(self)

    def goes(self) -> list[tuple[str | Promise, int]]:
        """What goes, in words."""
        return [
            (_("Cases"), self.cases),
            (_("Pictures"), self.pictures),
            (_("Files of heat maps"), self.maps),
            (_("Analyses that wait or run"), self.analyses),
            (_("Drafts of readers"), self.drafts),
            (_("Encrypted references to originals"), self.originals),
            (_("Waiting sendings to archives"), self.sendings),
        ]

    def stays(self) -> list[tuple[str | Promise, int]]:
        """What stays, in words."""
        return [
            (_("Results of the network, as numbers"), self.results),
            (_("First reads, reviews and decisions, with their words"), self.statements),
            (_("Answers in teaching"), self.teaching_reads),
            (_("Frozen snapshots of the cohort"), self.snapshots),
            (_("Reports that archives have received"), self.sent),
        ]


def extent_of(target: Target) -> Extent:
    """Count what goes and what stays."""
    images, cases = target.images().order_by().values("pk"), target.cases().values("pk")
    results = Prediction.objects.filter(image__in=images)
    shadow = ShadowResult.objects.filter(image__in=images)
    is_whole = target.kind != DeletionKind.PICTURE
    sendings = Sending.objects.filter(case__in=cases)
    said = (FirstRead, Review, Adjudication)
    return Extent(
        cases=target.cases().count() if is_whole else 0,
        pictures=images.count(),
        maps=results.order_by().values("maps_file").union(shadow.order_by().values("maps_file")).count(),
        analyses=Job.objects.filter(image__in=images, finished_at__isnull=True).count(),
        drafts=Draft.objects.filter(case__in=cases).count() if is_whole else 0,
        originals=OriginalReference.objects.filter(image__in=images).count(),
        sendings=sendings.filter(state=SendingState.WAITING).count(),
        results=results.count() + shadow.count(),
        statements=sum(model.objects.filter(case__in=cases).count() for model in said),
        teaching_reads=TeachingRead.objects.filter(case__in=cases).count(),
        sent=sendings.filter(state=SendingState.SENT).count(),
        snapshots=Snapshot.objects.filter(cohort=target.cohort).count(),
    )
