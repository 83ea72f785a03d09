"""Taking images in: verified, de-identified, stored, and queued in one transaction.

A case of many images is made whole or not at all, so that nobody reads one of which half is still on its way.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from django.conf import settings
from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.db.models import Max, TextChoices
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from cases import audit, storage
from cases.analysis import jobs, key_result, model_versions
from cases.intake import copies
from cases.lifecycle import CaseState
from cases.models import Case, Cohort, Image, Job
from cases.permissions import Action, require
from cases.translation import sentence_of, sentences
from inference.canonical import encode_canonical
from inference.errors import ImageError
from inference.formats import Limits
from inference.formats.guarded import read_image_guarded
from inference.likeness import likeness_of

if TYPE_CHECKING:
    from portal.accounts.models import User

logger = logging.getLogger(__name__)

# How jobs end whose stored picture is gone or damaged (analysis/worker.py, inference.canonical).
PICTURE_LOST = ("image_missing", "stored_damaged")


class Outcome(TextChoices):
    """What became of one file."""

    RECEIVED = "received", _("Received")
    DUPLICATE = "duplicate", _("Already in this cohort")
    REFUSED = "refused", _("Refused")


@dataclass(frozen=True)
class Receipt:
    """What became of one file; `case` is the new case, or the first one of a duplicate, and `position` the
    image's place in it.
    """

    outcome: Outcome
    case: Case | None
    code: str
    message: str
    notices: tuple[str, ...] = ()
    position: int | None = None


# A file, or the receipt of one that never came to be read.
Given: TypeAlias = "File[bytes] | Receipt"


class CaseIsRead(Exception):
    """The case takes no further image: somebody is reading it, or has."""

    def __init__(self) -> None:
        super().__init__(
            _t("The reading of this case has begun; it takes no further image. Upload them as another case.")
        )


@dataclass(frozen=True)
class _Stored:
    """A file that was verified and stored, and is not in a case yet; its pixels are not kept in memory."""

    digest: str
    fields: dict[str, Any]
    notices: tuple[str, ...]


@dataclass(frozen=True)
class _Twin:
    """The same file as another one of the same request."""

    digest: str


_Judged: TypeAlias = Receipt | _Stored | _Twin


class _TooMany(Exception):
    """More images than a case may have."""


def limits() -> Limits:
    """The limits that the settings give, for every way in."""
    return Limits(max_bytes=settings.UPLOAD_MAX_BYTES, max_pixels=settings.UPLOAD_MAX_PIXELS)


def picture_name(picture: bytes) -> str:
    """The name that a canonical PNG is stored under: of the same pixels the same."""
    return storage.content_name("images", picture, ".png")


def refusal_of_oversized() -> Receipt:
    """The receipt of a file that the upload handler stopped keeping."""
    message = _t(
        "This file is larger than %(file)d MB, or together with those before it larger than %(form)d MB. "
        "Export the single slice, or send fewer files at once."
    )
    sizes = {
        "file": settings.UPLOAD_MAX_BYTES // 2**20,
        "form": settings.UPLOAD_MAX_REQUEST_BYTES // 2**20,
    }
    return Receipt(Outcome.REFUSED, None, "file_too_large", message % sizes)


def refusal_of_text() -> Receipt:
    """The receipt of a part of a form that is no file."""
    message = _t("This part has no file name, and so is no file. Send it with one.")
    return Receipt(Outcome.REFUSED, None, "no_file_name", message)


def refusal_of_cut_off() -> Receipt:
    """The receipt of a file in the middle of which the form ends."""
    return Receipt(Outcome.REFUSED, None, "cut_off", _t("This file did not arrive whole. Send it again."))


def refusal_of_full_disk() -> Receipt:
    """The receipt of a file for which there is no room."""
    message = _t("There is no room on the disk. Tell your administrator; once there is, send it again.")
    return Receipt(Outcome.REFUSED, None, "disk_full", message)


def is_disk_full(receipts: Sequence[Receipt]) -> bool:
    """Whether nothing was taken in, and it was for want of room."""
    return {receipt.outcome for receipt in receipts} == {Outcome.REFUSED} and any(
        receipt.code == "disk_full" for receipt in receipts
    )


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
) -> list[Receipt]:
    """Take the files in as the images of one case, in their order; the receipts are in the same order.

    A file that is refused, or in the cohort already, is left out, and the others close up. by_pixels: also
    one whose pixels are in the cohort from another file.
    """
    require(by, Action.UPLOAD, cohort)

    def case() -> Case:
        made = Case.objects.create(
            cohort=cohort, created_by=by, ground_truth=ground_truth, is_simulated=is_simulated
        )
        audit.record(by=by, action="case.uploaded", subject=made, cohort=cohort)
        return made

    return _take_in(cohort, _judged(by, cohort, files, by_pixels), case)


def add_images(*, by: User, case: Case, files: Iterable[Given]) -> list[Receipt]:
    """Put the files behind the images that the case has. Raises CaseIsRead once its reading has begun."""
    require(by, Action.UPLOAD, case.cohort)
    _check_unread(case)

    def locked() -> Case:
        # The row is the lock: of two who add at once each finds the other's images; a reader's claim waits.
        found = Case.objects.select_for_update(of=("self",)).select_related("cohort").get(pk=case.pk)
        _check_unread(found)
        audit.record(by=by, action="case.images_added", subject=found, cohort=found.cohort)
        return found

    return _take_in(case.cohort, _judged(by, case.cohort, files), locked)


def _check_unread(case: Case) -> None:
    is_claimed = case.claims.filter(expires_at__gt=timezone.now()).exists()
    is_read = case.protocol_id or case.state != CaseState.OPEN or case.teaching_reads.exists()
    if is_read or is_claimed or case.drafts.exists():
        raise CaseIsRead


def _judged(by: User, cohort: Cohort, files: Iterable[Given], by_pixels: bool = False) -> list[_Judged]:
    """Each file verified and stored, or what speaks against it; one file after the other is in memory.

    Where the disk is full nothing stays of what was stored before it was.
    """
    digests: set[str] = set()
    judged: list[_Judged] = []
    waiting = iter(files)
    try:
        for given in waiting:
            entry = given if isinstance(given, Receipt) else _judge(by, cohort, given, digests, by_pixels)
            judged.append(entry)
    except BaseException as error:
        _discard_unused([entry for entry in judged if isinstance(entry, _Stored)])
        if not storage.is_full(error):
            raise
        return _without_room(judged, waiting)
    return judged


def _without_room(judged: Sequence[_Judged], waiting: Iterable[Given]) -> list[_Judged]:
    """The receipts of the files before the one that found no room, of that one, and of those behind it."""
    logger.error("An upload could not be stored: the disk is full.")
    reason = refusal_of_full_disk()
    behind = [given if isinstance(given, Receipt) else reason for given in waiting]
    return [*_refused(judged, reason), reason, *behind]


def _judge(by: User, cohort: Cohort, file: File[bytes], digests: set[str], by_pixels: bool) -> _Judged:
    if (file.size or 0) > settings.UPLOAD_MAX_BYTES:
        return refusal_of_oversized()
    data = file.read()
    digest = hashlib.sha256(data).hexdigest()
    if digest in digests:
        return _Twin(digest)
    first = _first_with(cohort, digest)
    if first and storage.is_whole(first.file):
        return _duplicate_of(first)
    try:
        decoded = read_image_guarded(data, limits())
    except ImageError as error:
        return Receipt(Outcome.REFUSED, None, error.code, sentence_of(error))
    picture = encode_canonical(decoded)
    if first:
        return _restored(by, first, picture)
    if by_pixels and (twin := _first_of_pixels(cohort, picture)):
        return _same_picture_as(twin)
    digests.add(digest)
    fields = {
        "file": storage.store("images", picture, ".png"),
        "source_sha256": digest,
        "source_bytes": len(data),
        "source_format": decoded.format_id,
        "width": decoded.width,
        "height": decoded.height,
        "bit_depth": decoded.bit_depth,
        "colour": decoded.colour,
        "likeness": likeness_of(decoded.pixels),
        "notices": [notice.code for notice in decoded.notices],
    }
    return _Stored(
        digest, fields, tuple(str(notice) for notice in sentences(each.code for each in decoded.notices))
    )


def _restored(by: User, image: Image, picture: bytes) -> Receipt:
    """The receipt of a file whose picture was lost: stored anew, and what failed for want of it is queued."""
    image.file = storage.store("images", picture, ".png")
    failed = Job.objects.filter(image=image, error_code__in=PICTURE_LOST)
    with transaction.atomic():
        image.save(update_fields=["file"])  # the same name, unless another version wrote the PNG
        jobs.queue_again(failed)
        key_result.refresh_case(image.case_id)
        audit.record(by=by, action="image.restored", subject=image.case, cohort=image.cohort)
    message = _t(
        "The same file is already in this cohort, as case %(code)s. Its stored picture was missing or "
        "damaged; it has been stored anew."
    )
    return Receipt(
        Outcome.DUPLICATE,
        image.case,
        "restored",
        message % {"code": image.case.code},
        position=image.position,
    )


def _take_in(cohort: Cohort, judged: list[_Judged], case_of: Callable[[], Case]) -> list[Receipt]:
    """Put what is stored into the case that `case_of` makes or locks; the receipts of all."""
    stored = [entry for entry in judged if isinstance(entry, _Stored)]
    try:
        images = _create(case_of, stored) if stored else {}
    except IntegrityError:
        # A file came in at the same time with somebody else's, who was first.
        again = [_unless_there(cohort, entry) for entry in judged]
        if again == judged:
            _discard_unused(stored)
            raise
        return _take_in(cohort, again, case_of)
    except _TooMany:
        _discard_unused(stored)
        return _refused(judged, _too_many())
    except BaseException:
        _discard_unused(stored)
        raise
    return [_receipt(entry, images) for entry in judged]


def _create(case_of: Callable[[], Case], stored: Sequence[_Stored]) -> dict[str, Image]:
    """Case, images and jobs in one transaction; the images by their digests."""
    with transaction.atomic():
        case = case_of()
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
        Image.objects.bulk_create(images)
        copies.keep_pieces(images)
        # Of every image, so that the case has one whole set of results also where earlier ones were
        # analysed by another version.
        jobs.queue_images(case.images.order_by("position"), model_versions.active_version())
        if start:
            key_result.refresh_case(case.pk)  # the analysis of the case is not over any more
    return {image.source_sha256: image for image in images}


def _refused(judged: Sequence[_Judged], reason: Receipt) -> list[Receipt]:
    """The receipts where no case comes of the files that nothing spoke against."""
    return [entry if isinstance(entry, Receipt) else reason for entry in judged]


def _receipt(entry: _Judged, images: dict[str, Image]) -> Receipt:
    if isinstance(entry, Receipt):
        return entry
    if isinstance(entry, _Twin):
        return _duplicate_of(images[entry.digest])
    image = images[entry.digest]
    message = _t("Received and queued.")
    return Receipt(Outcome.RECEIVED, image.case, "received", message, entry.notices, image.position)


def _unless_there(cohort: Cohort, entry: _Judged) -> _Judged:
    if not isinstance(entry, Receipt) and (first := _first_with(cohort, entry.digest)):
        return _duplicate_of(first)
    return entry


def _first_with(cohort: Cohort, digest: str) -> Image | None:
    return Image.objects.filter(cohort=cohort, source_sha256=digest).select_related("case", "cohort").first()


def _first_of_pixels(cohort: Cohort, picture: bytes) -> Image | None:
    return Image.objects.filter(cohort=cohort, file=picture_name(picture)).select_related("case").first()


def _duplicate_of(image: Image) -> Receipt:
    message = _t("The same file is already in this cohort, as case %(code)s.") % {"code": image.case.code}
    return Receipt(Outcome.DUPLICATE, image.case, "duplicate", message, position=image.position)


def _same_picture_as(image: Image) -> Receipt:
    message = _t("The same picture, from another file, is already in this cohort, as case %(code)s.")
    message %= {"code": image.case.code}
    return Receipt(Outcome.DUPLICATE, image.case, "duplicate", message, position=image.position)


def _too_many() -> Receipt:
    message = _t("A case takes at most %(most)d images. Upload fewer, or as several cases.")
    return Receipt(Outcome.REFUSED, None, "too_many_images", message % {"most": settings.CASE_MAX_IMAGES})


def _discard_unused(stored: Sequence[_Stored]) -> None:
    for entry in stored:
        if not Image.objects.filter(file=entry.fields["file"]).exists():
            storage.discard(entry.fields["file"])
