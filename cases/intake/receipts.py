"""What became of the files of one upload, and the refusals of files that never came to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from django.conf import settings
from django.core.files.base import File
from django.db.models import TextChoices
from django.utils import formats, timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from cases.models import Case, Deletion, Image


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


def duplicate_of(image: Image) -> Receipt:
    """The receipt of a file that the cohort has as this image."""
    message = _t("The same file is already in this cohort, as case %(code)s.") % {"code": image.case.code}
    return Receipt(Outcome.DUPLICATE, image.case, "duplicate", message, position=image.position)


def duplicate_in(receipt: Receipt) -> Receipt:
    """Of a file that came twice: as its first, or as one that is in that one's case already."""
    if receipt.case is None:
        return receipt
    message = _t("The same file is already in this cohort, as case %(code)s.") % {"code": receipt.case.code}
    return Receipt(Outcome.DUPLICATE, receipt.case, "duplicate", message, position=receipt.position)


def duplicate_of_pixels(image: Image) -> Receipt:
    """The receipt of a file of which the cohort has the same picture from another."""
    message = _t("The same picture, from another file, is already in this cohort, as case %(code)s.")
    message %= {"code": image.case.code}
    return Receipt(Outcome.DUPLICATE, image.case, "duplicate", message, position=image.position)


def notice_of_deleted(deletion: Deletion) -> str:
    """What is said of a file that was in the cohort before, and was deleted."""
    day = formats.date_format(timezone.localtime(deletion.at), "Y-m-d")
    told = {"day": day, "reason": deletion.get_reason_display()}
    return _t("The same file was deleted from this cohort on %(day)s: %(reason)s.") % told


def refusal_of_gone() -> Receipt:
    """The receipt of a picture whose stored file went with a deletion while it was taken in."""
    message = _t("The same picture was being deleted at this moment. Nothing was stored; send it again.")
    return Receipt(Outcome.REFUSED, None, "deleted_meanwhile", message)


def refusal_of_other_instance(image: Image) -> Receipt:
    """The receipt of a picture under whose identifier the cohort has another one."""
    message = _t(
        "Case %(code)s has another picture with the same identifier. Ask where the two come from; "
        "this one was not taken in."
    )
    return Receipt(Outcome.REFUSED, None, "instance_differs", message % {"code": image.case.code})


def refusal_of_other_series() -> Receipt:
    """The receipt of a file that is not of the series of the case that it was sent to."""
    message = _t("These files are not of the series that the case is of. Upload them as cases of their own.")
    return Receipt(Outcome.REFUSED, None, "other_series", message)


def refusal_of_too_many() -> Receipt:
    """The receipt of each file of a case that would have more images than one may."""
    message = _t("A case takes at most %(most)d images. Upload fewer, or as several cases.")
    return Receipt(Outcome.REFUSED, None, "too_many_images", message % {"most": settings.CASE_MAX_IMAGES})
