"""What names an image in the archive that it comes from: kept where the cohort may, encrypted, and opened for
nothing but a report that is sent there (docs/adr/0024-sending-to-archives.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _t

from cases import audit
from cases.batches import BATCH_SIZE
from cases.models import Cohort, Image, OriginalReference
from cases.permissions import Action, require
from inference.formats.wire import original_of_plain

if TYPE_CHECKING:
    from inference.formats.base import Original
    from portal.accounts.models import User


class KeyMissing(Exception):
    """ORIGINALS_KEYS has no key that can be used, or not the one that something was encrypted with."""


def can_be_kept() -> bool:
    """Whether the operator has given a key."""
    return bool(settings.ORIGINALS_KEYS)


def sealed(original: Original | None, cohort: Cohort) -> str:
    """The reference, encrypted; empty where the cohort keeps none, or the file names none."""
    if original is None or not cohort.keeps_originals or not can_be_kept():
        return ""
    return _box().encrypt(json.dumps(asdict(original)).encode()).decode("ascii")


def opened(reference: OriginalReference) -> Original:
    """The reference. Raises KeyMissing."""
    try:
        return original_of_plain(json.loads(_box().decrypt(reference.sealed)))
    except InvalidToken:
        raise KeyMissing from None


def keep(images: Iterable[tuple[Image, str]]) -> None:
    """Store what `sealed` made of each image."""
    OriginalReference.objects.bulk_create(
        (OriginalReference(image=image, sealed=text) for image, text in images if text),
        batch_size=BATCH_SIZE,
    )


def choose_originals(*, by: User, cohort: Cohort, keeps: bool) -> bool:
    """Keep references of what comes into the cohort from now on, or none, and delete those that it has.

    Whether that changed anything. Raises ValidationError where the operator has given no key.
    """
    require(by, Action.MANAGE, cohort)
    if keeps and not can_be_kept():
        raise ValidationError(_t("The operator has given no key for this (ORIGINALS_KEYS)."))
    with transaction.atomic():
        changed = Cohort.objects.filter(pk=cohort.pk).exclude(keeps_originals=keeps)
        if not changed.update(keeps_originals=keeps):
            return False
        if not keeps:
            OriginalReference.objects.filter(image__cohort=cohort).delete()
        audit.record(by=by, action="cohort.originals", subject=cohort, cohort=cohort, keeps=keeps)
    return True


def rotate() -> int:
    """Encrypt everything with the first of the keys; how many references. Raises KeyMissing."""
    box, count = _box(), 0
    references = OriginalReference.objects.order_by("pk")
    for reference in references.iterator(chunk_size=BATCH_SIZE):
        try:
            renewed = box.rotate(reference.sealed).decode("ascii")
        except InvalidToken:
            raise KeyMissing from None
        count += OriginalReference.objects.filter(pk=reference.pk).update(sealed=renewed)
    return count


def _box() -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in settings.ORIGINALS_KEYS])
    except ValueError:
        raise KeyMissing from None
