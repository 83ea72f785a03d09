"""What every statement of a reader has to hold to, whichever table it goes to."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _t

from cases.classes import known_classes
from cases.lifecycle import OTHER_FINDING, READER_ONLY_CLASSES
from cases.models import Case
from cases.models.statement import MAX_OTHER_FINDING
from inference.regions import RegionError, validated

# A page left open over night is no reading time.
MOST_SECONDS = 4 * 60 * 60


@dataclass(frozen=True)
class Statement:
    """A class in a reader's words. `class_code` is a network's class, or one of READER_ONLY_CLASSES."""

    class_code: str
    confidence: int
    comment: str = ""
    other_finding: str = ""
    region: dict[str, Any] | None = None
    active_seconds: float | None = None

    def fields(self) -> dict[str, Any]:
        """The columns that all tables of statements share."""
        return {
            "confidence": self.confidence,
            "comment": self.comment,
            "other_finding": self.other_finding,
            "region": self.region,
            "active_seconds": self.active_seconds,
        }


def checked(statement: Statement, case: Case) -> Statement:
    """The statement as it is stored; ValidationError where it does not hold together."""
    if statement.class_code not in {**known_classes(), **READER_ONLY_CLASSES}:
        raise ValidationError({"read_class": _t("This class is not known here.")})
    return replace(
        statement,
        comment=statement.comment.strip(),
        other_finding=checked_other_finding(statement.class_code, statement.other_finding),
        region=checked_region(statement.region, case),
        active_seconds=checked_seconds(statement.active_seconds),
    )


def checked_other_finding(class_code: str, words: str) -> str:
    """The words for another finding; empty for every other class."""
    if class_code != OTHER_FINDING:
        return ""
    words = words.strip()
    if not words:
        raise ValidationError({"other_finding": _t("Say what you see instead.")})
    if len(words) > MAX_OTHER_FINDING:
        raise ValidationError(
            {"other_finding": _t("At most %(most)d characters.") % {"most": MAX_OTHER_FINDING}}
        )
    return words


def checked_region(region: dict[str, Any] | None, case: Case) -> dict[str, Any] | None:
    """The marked region; ValidationError where it lies outside the picture or is none."""
    sizes = list(case.images.order_by("position").values_list("width", "height"))
    try:
        return validated(region, sizes)
    except RegionError as error:
        raise ValidationError({"region": str(error)}) from None


def checked_seconds(seconds: float | None) -> float | None:
    """The reading time; None where it was not measured, or cannot be one."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return None
    return round(min(seconds, MOST_SECONDS), 1)
