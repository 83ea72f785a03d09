"""What became of the files of one upload, and the refusals of files that never came to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from django.conf import settings
from django.core.files.base import File
from django.db.models import TextChoices
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from cases.models import Case


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
