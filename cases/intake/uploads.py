"""Taking images in: verified, de-identified, stored, and queued in one transaction.

A case of many images is made whole or not at all, so that nobody reads one of which half is still on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from cases import audit, storage
from cases.access import CaseDeleted
from cases.analysis import jobs, key_result, model_versions
from cases.intake import copies, originals
from cases.intake.deidentification import Identity
from cases.intake.judging import (
    Judged,
    PictureKey,
    StoredPicture,
    Twin,
    discard_unused,
    judged_files,
    pictures_of,
)
from cases.intake.receipts import (
    Given,
    Outcome,
    Receipt,
    duplicate_in,
    duplicate_of,
    refusal_of_gone,
    refusal_of_other_series,
    refusal_of_too_many,
)
from cases.lifecycle import CaseState
from cases.models import Case, Cohort, Image, Series
from cases.permissions import Action, require
from cases.translation import remarks_in_words
from inference.series import DIFFERS, Group, Remark, groups_of

if TYPE_CHECKING:
    from portal.accounts.models import User


class CaseIsRead(Exception):
    """The case takes no further image: somebody is reading it, or has."""

    def __init__(self) -> None:
        super().__init__(
            _t("The reading of this case has begun; it takes no further image. Upload them as another case.")
        )


@dataclass
class Plan:
    """The pictures that become one case, in their order, and why; `dropped`: those that are left out."""

    pictures: list[StoredPicture]
    remarks: list[Remark] = field(default_factory=list)
    dropped: list[tuple[StoredPicture, Remark]] = field(default_factory=list)

    @property
    def first_identity(self) -> Identity | None:
        return self.pictures[0].identity


class _TooMany(Exception):
    """More images than a case may have."""


class _Gone(Exception):
    """A stored picture went with a deletion before its row was there."""


def submit_file(
    *,
    by: User,
    cohort: Cohort,
    file: File[bytes],
    ground_truth: str = "",
    is_simulated: bool = False,
) -> Receipt:
    """Take one file in as a case of its own. A bad file is a receipt with the reason, and leaves nothing
    behind.
    """
    (receipt,) = submit_series(
        by=by, cohort=cohort, files=[file], ground_truth=ground_truth, is_simulated=is_simulated
    )
    return receipt


def submit_series(
    *,
    by: User,
    cohort: Cohort,
    files: Iterable[Given],
    ground_truth: str = "",
    is_simulated: bool = False,
    by_pixels: bool = False,
    is_one_case: bool = True,
    volume: int = 0,
) -> list[Receipt]:
    """Take the files in as the images of one case, in their order, or each as a case of its own; the receipts
    are in the same order.

    A hospital's files go by what they say themselves: one series is one case, sorted by where its slices lie.
    A file that is refused, or in the cohort already, is left out, and the others close up. by_pixels: also
    one whose pixels are in the cohort from another file. volume: which one to read of a file that holds
    several, from 1.
    """
    require(by, Action.UPLOAD, cohort)
    case_of = new_case(by, cohort, ground_truth, is_simulated)
    if not is_one_case:
        return _one_by_one(by, cohort, files, case_of, volume)
    judged = judged_files(by, cohort, files, set(), by_pixels, volume=volume)
    return receipts_of(judged, taken_in(cohort, plans_of(judged), case_of))


def new_case(
    by: User, cohort: Cohort, ground_truth: str = "", is_simulated: bool = False
) -> Callable[[Plan], Case]:
    """What makes the case of a plan."""

    def case_of(plan: Plan) -> Case:
        made = Case.objects.create(
            cohort=cohort,
            created_by=by,
            ground_truth=ground_truth,
            is_simulated=is_simulated,
            is_quarantined=any(picture.is_suspect for picture in plan.pictures),
        )
        _keep_series(made, plan)
        audit.record(by=by, action="case.uploaded", subject=made, cohort=cohort)
        if made.is_quarantined:
            audit.record(by=by, action="case.quarantined", subject=made, cohort=cohort)
        return made

    return case_of


def _one_by_one(
    by: User, cohort: Cohort, files: Iterable[Given], case_of: Callable[[Plan], Case], volume: int
) -> list[Receipt]:
    """Each web picture is there before the next is read; a hospital's files wait for all of their series."""
    digests: set[str] = set()
    judged: list[Judged] = []
    receipts: dict[PictureKey, Receipt] = {}
    try:
        for given in files:
            (entry,) = judged_files(by, cohort, [given], digests, volume=volume)
            judged.append(entry)
            if isinstance(entry, list) and entry[0].member is None:
                receipts |= taken_in(cohort, [Plan(entry)], case_of)
                digests.discard(entry[0].key[0])  # found in the cohort from now on
    except BaseException:
        discard_unused(pictures_of(judged))
        raise
    waiting = [entry for entry in judged if isinstance(entry, list) and entry[0].member is not None]
    return receipts_of(judged, receipts | taken_in(cohort, plans_of(waiting), case_of))


def add_images(*, by: User, case: Case, files: Iterable[Given]) -> list[Receipt]:
    """Put the files behind the images that the case has. Raises CaseIsRead once its reading has begun."""
    require(by, Action.UPLOAD, case.cohort)
    _check_unread(case)

    def locked(plan: Plan) -> Case:
        # The row is the lock: of two who add at once each finds the other's images; a reader's claim waits.
        found = Case.objects.select_for_update(of=("self",)).select_related("cohort").get(pk=case.pk)
        if found.deleted_at:
            raise CaseDeleted(found)
        _check_unread(found)
        audit.record(by=by, action="case.images_added", subject=found, cohort=found.cohort)
        return found

    judged = judged_files(by, case.cohort, files, set())
    plans = plans_of(judged)
    pictures = [picture for plan in plans for picture in plan.pictures]
    is_fit = len(plans) == 1 and _is_of_series(case, plans[0])
    # A case of which results are written down cannot be quarantined: it could not be removed any more.
    may_show_a_name = any(picture.is_suspect for picture in pictures) and not case.is_quarantined
    if pictures and (may_show_a_name or not is_fit):
        discard_unused(pictures_of(judged))
        return receipts_of(judged, {picture.key: refusal_of_other_series() for picture in pictures})
    return receipts_of(judged, taken_in(case.cohort, plans, locked))


def _is_of_series(case: Case, plan: Plan) -> bool:
    """Whether pictures go into a case: of a hospital's files into the case of their own series alone."""
    series = Series.objects.filter(case=case).first()
    identity = plan.first_identity
    if series is None or identity is None:
        return series is None and identity is None
    return (series.patient_key, series.study_key, series.series_key) == (
        identity.patient,
        identity.study,
        identity.series,
    )


def _keep_series(case: Case, plan: Plan) -> None:
    """Store of which series a case is, where it is one of a hospital's files."""
    if identity := plan.first_identity:
        Series.objects.create(
            case=case,
            patient_key=identity.patient,
            study_key=identity.study,
            series_key=identity.series,
            modality=plan.pictures[0].modality,
            acquired_on=identity.acquired_on,
            remarks=[[remark.code, dict(remark.facts)] for remark in plan.remarks],
        )


def _check_unread(case: Case) -> None:
    is_claimed = case.claims.filter(expires_at__gt=timezone.now()).exists()
    is_read = case.protocol_id or case.state != CaseState.OPEN or case.teaching_reads.exists()
    if is_read or is_claimed or case.drafts.exists():
        raise CaseIsRead


def plans_of(judged: Iterable[Judged]) -> list[Plan]:
    """The cases that pictures make: one of all web pictures, and those of a hospital's files by series."""
    pictures = pictures_of(judged)
    plain = [picture for picture in pictures if picture.member is None]
    placed = [picture for picture in pictures if picture.member is not None]
    members = [picture.member for picture in placed if picture.member is not None]
    of_series = [_plan_of(group, placed) for group in groups_of(members)]
    return [Plan(plain), *of_series] if plain else of_series


def _plan_of(group: Group, pictures: Sequence[StoredPicture]) -> Plan:
    return Plan(
        [pictures[place] for place in group.places],
        group.remarks,
        [(pictures[place], remark) for place, remark in group.dropped],
    )


def taken_in(
    cohort: Cohort, plans: Sequence[Plan], case_of: Callable[[Plan], Case]
) -> dict[PictureKey, Receipt]:
    """Put the pictures of each plan into the case that `case_of` makes or locks; the receipts of all."""
    receipts: dict[PictureKey, Receipt] = {}
    try:
        for plan in plans:
            taken = _take_in(cohort, plan, case_of)
            receipts |= taken | _receipts_of_dropped(plan, taken)
    finally:
        # What was left out, or not come to before something failed.
        received = {key for key, receipt in receipts.items() if receipt.outcome == Outcome.RECEIVED}
        every = [
            each for plan in plans for each in (*plan.pictures, *(picture for picture, _ in plan.dropped))
        ]
        discard_unused([picture for picture in every if picture.key not in received])
    return receipts


def _receipts_of_dropped(plan: Plan, taken: dict[PictureKey, Receipt]) -> dict[PictureKey, Receipt]:
    case = next((receipt.case for receipt in taken.values() if receipt.case), None)
    receipts = {}
    for picture, remark in plan.dropped:
        outcome = Outcome.REFUSED if remark == DIFFERS or case is None else Outcome.DUPLICATE
        (sentence,) = remarks_in_words([(remark.code, dict(remark.facts))])
        receipts[picture.key] = Receipt(
            outcome, case if outcome == Outcome.DUPLICATE else None, remark.code, sentence
        )
    return receipts


def _take_in(cohort: Cohort, plan: Plan, case_of: Callable[[Plan], Case]) -> dict[PictureKey, Receipt]:
    """The receipts of one case's pictures, by their keys."""
    if not plan.pictures:
        return {}
    try:
        images = _create(case_of, plan)
    except IntegrityError:
        # A file came in at the same time with somebody else's, who was first.
        there = {
            picture.key: duplicate_of(first)
            for picture in plan.pictures
            if (first := _image_with(cohort, picture.key))
        }
        if not there:
            raise
        rest = [picture for picture in plan.pictures if picture.key not in there]
        return there | _take_in(cohort, Plan(rest, plan.remarks), case_of)
    except _Gone:
        return {picture.key: refusal_of_gone() for picture in plan.pictures}
    except _TooMany:
        return {picture.key: refusal_of_too_many() for picture in plan.pictures}
    said = _said_of(plan) if plan.first_identity else ()
    return {picture.key: _received(picture, images[picture.key], said) for picture in plan.pictures}


def _said_of(plan: Plan) -> tuple[str, ...]:
    """How many images a hospital's files made into one case, and how."""
    count = len(plan.pictures)
    images = ngettext("%(n)d image.", "%(n)d images in one case.", count) % {"n": count}
    return images, *remarks_in_words([(remark.code, dict(remark.facts)) for remark in plan.remarks])


def _create(case_of: Callable[[Plan], Case], plan: Plan) -> dict[PictureKey, Image]:
    """Case, images and jobs in one transaction; the images by their keys."""
    stored = plan.pictures
    with transaction.atomic():
        case = case_of(plan)
        last = case.images.aggregate(last=Max("position"))["last"]
        start = 0 if last is None else last + 1
        if start + len(stored) > settings.CASE_MAX_IMAGES:
            raise _TooMany
        # Simulated slices are of one brain: only that their pixels are the same tells anything.
        alike = {"likeness": ""} if case.is_simulated else {}
        images = [
            Image(case=case, cohort=case.cohort, position=position, **entry.fields | alike)
            for position, entry in enumerate(stored, start=start)
        ]
        copies.join_copies(images)
        # Whoever erases pictures waits for the same turn (cases/removals.py).
        if not all(storage.is_there(image.file) for image in images):
            raise _Gone
        Image.objects.bulk_create(images)
        copies.keep_pieces(images)
        originals.keep(zip(images, (entry.original for entry in stored), strict=True))
        # What is in quarantine no network sees either, so that it can still be removed without a trace.
        if not case.is_quarantined:
            # Of every image, so that the case has one whole set of results also where earlier ones were
            # analysed by another version.
            jobs.queue_images(case.images.order_by("position"), model_versions.version_to_queue())
        if start:
            key_result.refresh_case(case.pk)  # the analysis of the case is not over any more
    return {(image.source_sha256, image.frame): image for image in images}


def receipts_of(judged: Sequence[Judged], of_pictures: dict[PictureKey, Receipt]) -> list[Receipt]:
    """One receipt a file: of several pictures the first that was received."""
    pictures = {entry[0].key[0]: entry for entry in judged if isinstance(entry, list) and entry}
    receipts = []
    for entry in judged:
        if isinstance(entry, Receipt):
            receipts.append(entry)
            continue
        is_twin = isinstance(entry, Twin)
        found = [of_pictures[each.key] for each in (pictures[entry.digest] if is_twin else entry)]  # type: ignore[union-attr]
        first = next((each for each in found if each.outcome == Outcome.RECEIVED), found[0])
        receipts.append(duplicate_in(first) if is_twin else first)
    return receipts


def _received(picture: StoredPicture, image: Image, said: tuple[str, ...]) -> Receipt:
    message = _t("Received and queued.")
    notices = (*said, *picture.notices)
    if image.case.is_quarantined:
        message = _t("Received. Text may be burned in: an administrator of the cohort looks at it first.")
    return Receipt(Outcome.RECEIVED, image.case, "received", message, notices, image.position)


def _image_with(cohort: Cohort, key: PictureKey) -> Image | None:
    images = Image.objects.filter(cohort=cohort, source_sha256=key[0], frame=key[1])
    return images.select_related("case", "cohort").first()
