"""The act: rows in one transaction, files after it.

What the network and readers said stays: figures are made of it, and the database refuses to change it. What
the pictures were, and what told of their files, is erased from the rows; the files are written down as to be
removed, and go once the transaction is over (cases/removals.py).
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _t

from cases import audit
from cases.access import existing_images
from cases.analysis import key_result
from cases.batches import BATCH_SIZE
from cases.deletion.digests import keyed
from cases.deletion.targets import Target, extent_of
from cases.lifecycle import CaseState, DeletionKind, DeletionReason, SendingState, case_states_before
from cases.models import (
    Assignment,
    Case,
    Claim,
    Cohort,
    DeletedPicture,
    Deletion,
    Draft,
    Image,
    IncomingUpload,
    Job,
    LikenessPiece,
    OriginalReference,
    Prediction,
    Sending,
    Series,
    ShadowResult,
)
from cases.removals import remove_later, remove_waiting
from cases.turns import INTAKE, turn_of_cohort, wait_for_turn

if TYPE_CHECKING:
    from uuid import UUID

    from portal.accounts.models import User

# So many files at the most go with the request; the rest is the sweep's.
FILES_AT_ONCE = 200
# What was on its way when something was deleted has arrived by then.
LOOKED_AT_AGAIN = timedelta(days=1)


class NothingToDelete(Exception):
    """It is deleted already, or there is nothing of it."""

    def __init__(self) -> None:
        super().__init__(_t("There is nothing left to delete: somebody else was first, or it was empty."))


@dataclass(frozen=True)
class Why:
    """Who deletes, and why. by: None for the operator, and for what was kept long enough. key, at, counts: of
    an act that is done again after a restore.
    """

    reason: DeletionReason
    by: User | None = None
    confirmed_by: User | None = None
    words: str = ""
    key: UUID | None = None
    at: datetime | None = None
    counts: Mapping[str, int] | None = None


def delete(target: Target, why: Why) -> Deletion:
    """Delete it. Raises NothingToDelete. Who may do so was asked before (cases/deletion/requests.py).

    1. The rows are locked: jobs, then cases, by their keys, as a worker and a reader lock theirs. Before that
       nobody moves a case into a cohort that goes.
    2. The tombstones are written, with what goes and stays as it is now.
    3. The names of the files are written down, and erased from the rows with all that told of them.
    """
    with transaction.atomic():
        if target.kind == DeletionKind.COHORT:
            wait_for_turn(turn_of_cohort(target.cohort.pk))
        images, cases = _locked(target)
        if not images and target.kind != DeletionKind.COHORT:
            raise NothingToDelete
        at = why.at or timezone.now()
        deletion = _tombstone(target, why, at, images)
        remove_later(_files_of(images))
        _erase(images, at)
        _close(cases, at)
        if target.kind == DeletionKind.COHORT:
            Cohort.objects.filter(pk=target.cohort.pk).update(deleted_at=at)
            # What is on its way in pieces: the sweep of uploads throws it away.
            IncomingUpload.objects.filter(cohort=target.cohort).update(expires_at=at)
        _write_down(target, deletion, cases)
        transaction.on_commit(partial(clear_up, deletion), robust=True)
    return deletion


def clear_up(deletion: Deletion) -> None:
    """What follows the act at once; `finish_deletions` does the rest, and all of it after a crash."""
    _forget_traces(Case.objects.filter(images__tombstone__deletion=deletion))
    remove_waiting(FILES_AT_ONCE)


def finish_deletions() -> None:
    """Take away what was on its way while something was deleted: rows that others wrote at that moment, and
    cases that came into a cohort that went.
    """
    for cohort in Cohort.objects.filter(deleted_at__isnull=False, images__deleted_at__isnull=True).distinct():
        last = cohort.deletions.filter(kind=DeletionKind.COHORT).order_by("at").last()
        if last:
            delete(
                Target(DeletionKind.COHORT, cohort),
                Why(DeletionReason(last.reason), by=last.by, confirmed_by=last.confirmed_by),
            )
    newest = DeletedPicture.objects.filter(deletion__at__gte=timezone.now() - LOOKED_AT_AGAIN)
    _forget_traces(Case.objects.filter(pk__in=newest.values("image__case")))


def _forget_traces(cases: QuerySet[Case]) -> None:
    """Delete what readers, workers and senders left about deleted cases and pictures."""
    gone = cases.filter(deleted_at__isnull=False).order_by().values("pk")
    for model in (Draft, Claim, Assignment):
        model.objects.filter(case__in=gone).delete()
    images = Image.objects.filter(deleted_at__isnull=False, case__in=cases.order_by().values("pk"))
    Job.objects.filter(image__in=images.order_by().values("pk")).delete()
    Sending.objects.filter(case__in=gone, state=SendingState.WAITING).update(
        state=SendingState.GIVEN_UP, ended_at=timezone.now(), token=None, answer={"code": "deleted"}
    )


def _locked(target: Target) -> tuple[list[Image], list[UUID]]:
    """The pictures that go, and the keys of their cases; nobody else changes either until the act is over."""
    found = target.images().order_by().values("pk")
    list(Job.objects.filter(image__in=found).order_by("pk").select_for_update().values_list("pk", flat=True))
    rows = target.cases().order_by("pk").select_for_update(of=("self",))
    keys = list(rows.values_list("pk", flat=True))
    wait_for_turn(INTAKE)
    locked = set(keys)
    return [image for image in target.images().order_by("pk") if image.case_id in locked], keys


def _tombstone(target: Target, why: Why, at: datetime, images: Sequence[Image]) -> Deletion:
    deletion, _is_new = Deletion.objects.get_or_create(
        id=why.key or uuid.uuid4(),
        defaults={
            "kind": target.kind,
            "cohort": target.cohort,
            "case": target.case,
            "reason": why.reason,
            "words": why.words,
            "by": why.by,
            "confirmed_by": why.confirmed_by,
            "counts": why.counts or extent_of(target).counts(),
            "at": at,
        },
    )
    DeletedPicture.objects.bulk_create(
        (
            DeletedPicture(image=image, deletion=deletion, digest=keyed(image.cohort_id, image.source_sha256))
            for image in images
        ),
        batch_size=BATCH_SIZE,
    )
    return deletion


def _files_of(images: Sequence[Image]) -> set[str]:
    keys = [image.pk for image in images]
    names = {image.file for image in images}
    for first in range(0, len(keys), BATCH_SIZE):
        for model in (Prediction, ShadowResult):
            results = model.objects.filter(image__in=keys[first : first + BATCH_SIZE])
            names.update(results.values_list("maps_file", flat=True))
    return names


def _erase(images: Sequence[Image], at: datetime) -> None:
    """Take out of the rows what told of the files, in the rows beside them too."""
    joined = _renamed_pictures(images)
    for image in images:
        image.file = image.instance_key = image.likeness = ""
        # One that no file has: that of the upload is unique in its cohort, and so must this be.
        image.source_sha256 = secrets.token_hex(32)
        image.source_bytes = 0
        image.notices, image.geometry, image.intensity, image.deidentification = [], {}, {}, {}
        image.brightness = None
        image.picture = joined[image.picture]
        image.deleted_at = at
    erased = ("file", "instance_key", "likeness", "source_sha256", "source_bytes", "picture", "deleted_at")
    told = ("brightness", "notices", "geometry", "intensity", "deidentification")
    Image.objects.bulk_update(images, [*erased, *told], batch_size=BATCH_SIZE)
    keys = [image.pk for image in images]
    for first in range(0, len(keys), BATCH_SIZE):
        of_these = keys[first : first + BATCH_SIZE]
        LikenessPiece.objects.filter(image__in=of_these).delete()
        OriginalReference.objects.filter(image__in=of_these).delete()
        Job.objects.filter(image__in=of_these).delete()


def _renamed_pictures(images: Sequence[Image]) -> dict[UUID, UUID]:
    """A new name for each picture, given to its copies too: the old one is made of the pixels, but that two
    are the same says what somebody has seen (cases/disclosures.py).
    """
    joined = {picture: uuid.uuid4() for picture in {image.picture for image in images}}
    old = list(joined)
    for first in range(0, len(old), BATCH_SIZE):
        same = Image.objects.filter(picture__in=old[first : first + BATCH_SIZE])
        copies = list(same.only("pk", "picture").order_by("pk"))
        for copy in copies:
            copy.picture = joined[copy.picture]
        Image.objects.bulk_update(copies, ["picture"], batch_size=BATCH_SIZE)
    return joined


def _close(keys: Sequence[UUID], at: datetime) -> None:
    """A case without a picture is deleted, and waits for nobody; of what is left another result may stand."""
    for first in range(0, len(keys), BATCH_SIZE):
        cases = Case.objects.filter(pk__in=keys[first : first + BATCH_SIZE])
        empty = cases.exclude(pk__in=existing_images().filter(case__in=cases).values("case"))
        Series.objects.filter(case__in=empty).delete()
        empty.update(deleted_at=at, is_quarantined=False)
        gone = cases.filter(deleted_at=at)
        gone.filter(state__in=case_states_before(CaseState.CLOSED)).update(state=CaseState.CLOSED)
        key_result.refresh(cases)


def _write_down(target: Target, deletion: Deletion, cases: Sequence[UUID]) -> None:
    counts = deletion.counts
    details: dict[str, audit.Detail] = {
        "deletion": str(deletion.pk),
        "reason": deletion.reason,
        "confirmed_by": str(deletion.confirmed_by_id) if deletion.confirmed_by_id else None,
    }
    if target.kind == DeletionKind.PICTURE and target.image:
        details["picture"] = target.image.position + 1
    what = "picture.deleted" if target.kind == DeletionKind.PICTURE else "case.deleted"
    for first in range(0, len(cases), BATCH_SIZE):
        rows = list(Case.objects.filter(pk__in=cases[first : first + BATCH_SIZE]))
        audit.record_each(by=deletion.by, action=what, cases=rows, details=details)
    if target.kind in (DeletionKind.COHORT, DeletionKind.EXPIRED):
        said = details | {"cases": counts["cases"], "pictures": counts["pictures"], "kind": deletion.kind}
        audit.record(
            by=deletion.by, action="cohort.deleted", subject=target.cohort, cohort=target.cohort, **said
        )
