"""Blacking out what is burned into the pictures of a quarantined case.

The stored pixels are overwritten: a picture is stored anew without what was in the boxes, and the former one
goes with what is deleted (cases/removals.py). Nothing else was made of it, since no network sees what is in
quarantine. The keys by which copies of the picture are found stay as they are: it is the same picture still,
in whatever cohort.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import TextChoices
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from cases import audit, storage
from cases.access import existing_images
from cases.intake.deidentification import cleaned
from cases.intake.stored_pictures import erase_unused
from cases.models import Case, Image
from cases.permissions import Action, require
from cases.removals import remove_later, remove_waiting
from cases.turns import INTAKE, wait_for_turn
from inference.blackout import Box, blacked_out, checked_boxes
from inference.canonical import decode_canonical, encode_pixels

if TYPE_CHECKING:
    from portal.accounts.models import User

NOTICE = "blacked_out"


class Reason(TextChoices):
    """What was blacked out. Of a closed list: words of one's own would be where the name gets in again."""

    PATIENT = "patient", _("Name, number or dates of the patient")
    STAFF = "staff", _("Names of staff, or of the hospital")
    OTHER = "other", _("Other writing")


class Scope(TextChoices):
    """Which pictures of the case."""

    ONE = "one", _("This picture alone")
    ALL = "all", _("All pictures of the case that have this size")


class NotInQuarantine(Exception):
    """The case is open, or its pictures have changed meanwhile."""

    def __init__(self) -> None:
        super().__init__(
            _t("Pictures are blacked out only while their case is in quarantine. Look at the case again.")
        )


@dataclass(frozen=True)
class BlackedOut:
    """How many pictures were overwritten, and how many of the former ones other cases have too."""

    pictures: int
    kept_elsewhere: int


def pictures_in(image: Image, scope: str) -> list[Image]:
    """The pictures that boxes drawn on `image` stand for."""
    if scope == Scope.ONE:
        return [image]
    alike = existing_images().filter(case=image.case_id, width=image.width, height=image.height)
    return list(alike.order_by("position"))


def black_out(*, by: User, image: Image, boxes: Sequence[Box], scope: str, reason: str) -> BlackedOut:
    """Overwrite what is in the boxes, in this picture or in all of its size.

    Raises BoxError, NotInQuarantine, and FileNotFoundError or ImageError where a picture cannot be read; then
    nothing has changed.
    """
    require(by, Action.MANAGE, image.case.cohort)
    boxes = checked_boxes(boxes, image.width, image.height)
    if not image.case.is_quarantined:
        raise NotInQuarantine
    images = pictures_in(image, scope)
    former = {each.file for each in images}
    names: list[str] = []
    try:
        names.extend(_stored_without(each, boxes) for each in images)
        with transaction.atomic():
            _overwrite(images, names, boxes)
            audit.record(
                by=by,
                action="case.blacked_out",
                subject=image.case,
                cohort=image.case.cohort,
                pictures=len(images),
                picture=image.position + 1 if scope == Scope.ONE else None,
                boxes=in_lines(boxes, "; "),
                reason=reason,
            )
            gone = former.difference(names)
            remove_later(gone)
            kept = Image.objects.filter(file__in=gone).order_by().values("file").distinct().count()
            transaction.on_commit(partial(remove_waiting, len(gone)), robust=True)
    except BaseException:
        erase_unused(set(names) - former)
        raise
    return BlackedOut(len(images), kept)


def in_lines(boxes: Sequence[Box], separator: str = "\n") -> str:
    """The boxes as a form has them: left, top, right and bottom, one box a line."""
    return separator.join(" ".join(map(str, box)) for box in boxes)


def _stored_without(image: Image, boxes: Sequence[Box]) -> str:
    pixels = decode_canonical(storage.load(image.file))
    return storage.store("images", encode_pixels(blacked_out(pixels, boxes)), ".png")


def _overwrite(images: Sequence[Image], names: Sequence[str], boxes: Sequence[Box]) -> None:
    """The rows; the case's is locked, so that nobody lets it out meanwhile. Raises NotInQuarantine, and
    FileNotFoundError where the same picture was just deleted elsewhere (cases/removals.py).
    """
    locked = Case.objects.select_for_update(of=("self",)).get(pk=images[0].case_id)
    if not locked.is_quarantined:
        raise NotInQuarantine
    wait_for_turn(INTAKE)
    if not all(storage.is_there(name) for name in names):
        raise FileNotFoundError
    for image, name in zip(images, names, strict=True):
        has_changed = Image.objects.filter(pk=image.pk, file=image.file).update(
            file=name,
            deidentification=cleaned(image.deidentification, boxes),
            notices=list(dict.fromkeys([*image.notices, NOTICE])),
        )
        if has_changed != 1:
            raise NotInQuarantine
