"""What a reader says of a case, in one shape: forms and REST make it, drafts keep it, rows are made of it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _t

from cases.classes import known_classes
from cases.lifecycle import OTHER_FINDING, READER_ONLY_CLASSES, Verdict
from cases.models.statement import MAX_OTHER_FINDING, Confidence
from inference.regions import RegionError, validated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cases.models import Adjudication, Case, FirstRead, Prediction, Review

# The fields of a read that a reader writes in words.
WRITTEN = ("other_finding", "comment")
# A page left open over night is no reading time.
MOST_SECONDS = 4 * 60 * 60


@dataclass(frozen=True)
class ReadInput:
    """One read. Its fields have the names of the page's forms and of what a draft keeps.

    read_class: a network's class, or one of READER_ONLY_CLASSES; may be empty where the verdict is “agree”,
    until it is checked. verdict: on the result that was shown; None where none was, or where it follows from
    the class. region: as inference.regions describes it, in pixels of the image.
    """

    read_class: str
    confidence: int
    comment: str = ""
    other_finding: str = ""
    region: dict[str, Any] | None = None
    active_seconds: float | None = None
    verdict: Verdict | None = None

    @property
    def verdict_label(self) -> str:
        """The verdict in words; empty where there is none."""
        return str(self.verdict.label) if self.verdict else ""

    @property
    def confidence_label(self) -> str:
        """How sure the reader is, in words."""
        return str(Confidence(self.confidence).label)

    def as_draft(self) -> dict[str, Any]:
        """What a draft keeps of it, as JSON; `from_draft` reads it."""
        return asdict(self)

    def columns(self) -> dict[str, Any]:
        """The columns that all tables of reads share."""
        return {
            "confidence": self.confidence,
            "comment": self.comment,
            "other_finding": self.other_finding,
            "region": self.region,
            "active_seconds": self.active_seconds,
        }


def written_in(fields: Mapping[str, Any]) -> list[str]:
    """The words among the fields of a form or a draft, each text by itself."""
    texts = (fields.get(name) for name in (*WRITTEN, "reason"))
    return [text for text in texts if isinstance(text, str) and text.strip()]


def from_draft(fields: dict[str, Any]) -> ReadInput:
    """The read that `as_draft` has put down."""
    verdict = fields["verdict"]
    return ReadInput(**{**fields, "verdict": Verdict(verdict) if verdict else None})


def read_of(row: Review | FirstRead | Adjudication) -> ReadInput:
    """What a stored row says."""
    verdict: str = getattr(row, "verdict", "")
    return ReadInput(
        read_class=getattr(row, "read_class", "") or getattr(row, "final_class", ""),
        confidence=row.confidence,
        comment=row.comment,
        other_finding=row.other_finding,
        region=row.region,
        active_seconds=row.active_seconds,
        verdict=Verdict(verdict) if verdict else None,
    )


def checked_read(read: ReadInput, case: Case) -> ReadInput:
    """A read of the case by itself, as it is stored; ValidationError where it does not hold together."""
    if read.read_class not in {**known_classes(), **READER_ONLY_CLASSES}:
        raise ValidationError({"read_class": _t("This class is not known here.")})
    return _whole(read, case)


def checked_judgement(read: ReadInput, case: Case, prediction: Prediction) -> ReadInput:
    """A read that judges a result, as it is stored: `read_class` is the reader's own class, also where it is
    the network's. ValidationError where it does not hold together.
    """
    if prediction.image.case_id != case.pk:
        raise ValidationError(_t("This result belongs to another case; open the case again."))
    if read.verdict is None:
        is_same = read.read_class == prediction.predicted_class
        read = replace(read, verdict=Verdict.AGREE if is_same else Verdict.DISAGREE)
    if read.verdict == Verdict.AGREE:
        if read.read_class not in ("", prediction.predicted_class):
            raise ValidationError({"corrected_class": _t("Choose “Disagree” to give another class.")})
        return _whole(replace(read, read_class=prediction.predicted_class), case)
    if not read.read_class:
        raise ValidationError({"corrected_class": _t("Say which class you see instead.")})
    if read.read_class == prediction.predicted_class:
        raise ValidationError(
            {"corrected_class": _t("This is the network's own class; choose “Agree” or another.")}
        )
    if read.read_class not in {**prediction.model_version.class_labels, **READER_ONLY_CLASSES}:
        raise ValidationError({"corrected_class": _t("This class is not known here.")})
    return _whole(read, case)


def _whole(read: ReadInput, case: Case) -> ReadInput:
    """The read, tidied; takes for granted that its class is known."""
    return replace(
        read,
        comment=read.comment.strip(),
        other_finding=_other_finding(read),
        region=_region(read.region, case),
        active_seconds=_seconds(read.active_seconds),
    )


def _other_finding(read: ReadInput) -> str:
    """The words for another finding; empty for every other class."""
    if read.read_class != OTHER_FINDING:
        return ""
    words = read.other_finding.strip()
    if not words:
        raise ValidationError({"other_finding": _t("Say what you see instead.")})
    if len(words) > MAX_OTHER_FINDING:
        raise ValidationError(
            {"other_finding": _t("At most %(most)d characters.") % {"most": MAX_OTHER_FINDING}}
        )
    return words


def _region(region: Any, case: Case) -> dict[str, Any] | None:
    """The marked region; ValidationError where it lies outside the picture or is none."""
    if region is None or region == "":
        return None
    # By position, which stays when an image before it is deleted; where none is there nothing can be marked.
    sizes = {image.position: (image.width, image.height) for image in case.images.all()}
    places = range(max(sizes, default=0) + 1)
    try:
        return validated(region, [sizes.get(place, (0, 0)) for place in places])
    except RegionError as error:
        raise ValidationError({"region": str(error)}) from None


def _seconds(seconds: float | None) -> float | None:
    """The reading time; None where it was not measured, or cannot be one."""
    # Bounded first: a whole number of any size is none that math can look at.
    if seconds is None or not 0 <= seconds < math.inf:
        return None
    return round(min(seconds, MOST_SECONDS), 1)
