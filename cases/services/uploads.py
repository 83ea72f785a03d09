"""Taking images in: verified, de-identified, stored, and queued in one transaction."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.db.models import TextChoices
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from cases import storage
from cases.models import Case, Cohort, Image, Job
from cases.permissions import Action, require
from cases.services import audit, jobs, model_versions
from cases.wording import sentence_of, sentences
from inference.canonical import encode_canonical
from inference.errors import ImageError
from inference.formats import DecodedImage, Limits, read_image

if TYPE_CHECKING:
    from portal.accounts.models import User


class Outcome(TextChoices):
    """What became of one file."""

    RECEIVED = "received", _("Received")
    DUPLICATE = "duplicate", _("Already in this cohort")
    REFUSED = "refused", _("Refused")


@dataclass(frozen=True)
class Receipt:
    """What became of one file; `case` is the new case, or the first one of a duplicate."""

    outcome: Outcome
    case: Case | None
    code: str
    message: str
    notices: tuple[str, ...] = ()


def limits() -> Limits:
    """The limits that the settings give, for every way in."""
    return Limits(max_bytes=settings.UPLOAD_MAX_BYTES, max_pixels=settings.UPLOAD_MAX_PIXELS)


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


def submit_file(
    *,
    by: User,
    cohort: Cohort,
    file: File[bytes],
    ground_truth: str = "",
    is_simulated: bool = False,
) -> Receipt:
    """Take one file in. A bad file is a receipt with the reason, and leaves nothing behind."""
    require(by, Action.UPLOAD, cohort)
    if (file.size or 0) > settings.UPLOAD_MAX_BYTES:
        return refusal_of_oversized()
    data = file.read()
    digest = hashlib.sha256(data).hexdigest()
    if first := _first_with(cohort, digest):
        return _duplicate_of(first)
    try:
        decoded = read_image(data, limits())
    except ImageError as error:
        return Receipt(Outcome.REFUSED, None, error.code, sentence_of(error))
    name = storage.store("images", encode_canonical(decoded), ".png")
    try:
        case = _create_case(
            by=by,
            cohort=cohort,
            decoded=decoded,
            row={"source_sha256": digest, "source_bytes": len(data), "file": name},
            ground_truth=ground_truth,
            is_simulated=is_simulated,
        )
    except IntegrityError:
        # The same file came in twice at once, and the other one was first.
        if first := _first_with(cohort, digest):
            return _duplicate_of(first)
        _discard_unused(name)
        raise
    except BaseException:
        _discard_unused(name)
        raise
    notices = tuple(str(notice) for notice in sentences(each.code for each in decoded.notices))
    return Receipt(Outcome.RECEIVED, case, "received", _t("Received and queued."), notices)


def _create_case(
    *,
    by: User,
    cohort: Cohort,
    decoded: DecodedImage,
    row: dict[str, str | int],
    ground_truth: str,
    is_simulated: bool,
) -> Case:
    """Case, Image and Job in one transaction; takes for granted that the file is stored."""
    with transaction.atomic():
        case = Case.objects.create(
            cohort=cohort, created_by=by, ground_truth=ground_truth, is_simulated=is_simulated
        )
        image = Image.objects.create(
            case=case,
            cohort=cohort,
            source_format=decoded.format_id,
            width=decoded.width,
            height=decoded.height,
            bit_depth=decoded.bit_depth,
            colour=decoded.colour,
            notices=[notice.code for notice in decoded.notices],
            **row,
        )
        job = Job.objects.create(image=image, model_version=model_versions.active_version())
        audit.record(by=by, action="case.uploaded", subject=case, cohort=cohort)
        jobs.announce_on_commit(job)
    return case


def _first_with(cohort: Cohort, digest: str) -> Case | None:
    image = Image.objects.filter(cohort=cohort, source_sha256=digest).select_related("case").first()
    return image.case if image else None


def _duplicate_of(case: Case) -> Receipt:
    message = _t("The same file is already in this cohort, as case %(code)s.")
    return Receipt(Outcome.DUPLICATE, case, "duplicate", message % {"code": case.code})


def _discard_unused(name: str) -> None:
    if not Image.objects.filter(file=name).exists():
        storage.discard(name)
