"""A file that is in the cohort already, and whose stored picture was lost: it is stored anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _t

from cases import audit, storage
from cases.analysis import jobs, key_result
from cases.intake import deidentification
from cases.intake.receipts import Outcome, Receipt, refusal_of_gone
from cases.intake.stored_pictures import erase_unused
from cases.models import Image, Job
from cases.turns import INTAKE, wait_for_turn
from inference.blackout import blacked_out
from inference.canonical import encode_canonical, encode_pixels
from inference.formats import DecodedImage

if TYPE_CHECKING:
    from uuid import UUID

    from portal.accounts.models import User

# How jobs end whose stored picture is gone or damaged (analysis/worker.py, inference.canonical).
PICTURE_LOST = ("image_missing", "stored_damaged")


def stored_anew(known: Sequence[Image], decoded: DecodedImage) -> dict[UUID, str]:
    """Store a picture anew; its name, by the images that it belongs to."""
    return {
        image.pk: storage.store("images", picture_as_kept(image, decoded), ".png")
        for image in known
        if image.frame == decoded.frame
    }


def restored(by: User, images: Sequence[Image], anew: Mapping[UUID, str]) -> Receipt:
    """The receipt of a file whose lost pictures are stored anew, and queued again where they failed for it.
    What was deleted or blacked out meanwhile stays so.
    """
    image = images[0]
    with transaction.atomic():
        wait_for_turn(INTAKE)  # as does who erases pictures
        keys = [each.pk for each in images if each.pk in anew and _is_renamed(each, anew[each.pk])]
        erase_unused(anew.values())
        if not keys:
            return refusal_of_gone()
        jobs.queue_again(Job.objects.filter(image__in=keys, error_code__in=PICTURE_LOST))
        for case in {each.case_id for each in images}:
            key_result.refresh_case(case)
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


def _is_renamed(image: Image, name: str) -> bool:
    # Mostly the same name, unless another version wrote the PNG.
    return Image.objects.filter(pk=image.pk, file=image.file).update(file=name) == 1


def picture_as_kept(image: Image, decoded: DecodedImage) -> bytes:
    """The canonical PNG of a file's picture as `image` may have it: without what was blacked out of it."""
    boxes = deidentification.blacked_out_of(image.deidentification)
    return encode_pixels(blacked_out(decoded.pixels, boxes)) if boxes else encode_canonical(decoded)
