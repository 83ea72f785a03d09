"""De-identification on arrival: what names the patient becomes keys, before anything is stored or logged.

Nothing is removed from a file: nothing of it is taken over. Pixels are encoded anew from the decoded array,
and a record is made of what `inference.formats` let through its closed lists. So preamble, meta group,
private tags, sequences, overlays, comments and whatever follows the pixels stay outside (PS3.15, annex E; the
codes are those of PS3.16, CID 7050).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings

from cases.models import Cohort
from inference.blackout import Box
from inference.formats import Source

# The Basic Application Confidentiality Profile, with dates that are shifted.
PROFILE = ("113100", "113107")
# Clean Pixel Data Option.
CLEAN_PIXELS = "113101"
_KEY_LENGTH = 32
# Far enough that no date says when, and near enough that years of a study stay plausible.
_LEAST_SHIFT, _MOST_SHIFT = 30, 3650
_DATE_FORMAT = "%Y%m%d"


@dataclass(frozen=True)
class Identity:
    """Keys instead of names, and a date that was shifted; empty, or None, for what the file does not say."""

    patient: str
    person: str
    study: str
    series: str
    instance: str
    acquired_on: date | None


def identity_of(source: Source, cohort: Cohort) -> Identity:
    """The keys of an image's patient, study, series and instance in this cohort."""
    return Identity(
        patient=_key(cohort, "patient", source.patient),
        person=_key(cohort, "person", source.person),
        study=_key(cohort, "study", source.study),
        series=_key(cohort, "series", source.series),
        instance=_key(cohort, "instance", source.instance),
        acquired_on=_shifted(cohort, source),
    )


def record_of(source: Source) -> dict[str, Any]:
    """What was done to an image, to be stored with it."""
    return {
        "profile": list(PROFILE),
        "kept": dict(source.kept),
        "removed": source.removed,
        "burned_in": source.burned_in or "no",
    }


def cleaned(record: Mapping[str, Any], boxes: Iterable[Box]) -> dict[str, Any]:
    """The record of a picture of which these boxes, and those of before, are blacked out."""
    codes = [*record.get("profile", PROFILE), CLEAN_PIXELS]
    return {
        **record,
        "profile": list(dict.fromkeys(codes)),
        "burned_in": "no",
        "blacked_out": [list(box) for box in (*blacked_out_of(record), *boxes)],
    }


def blacked_out_of(record: Mapping[str, Any]) -> list[Box]:
    """The boxes that are blacked out of a picture, by its record."""
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in record.get("blacked_out", [])]


def is_suspect(source: Source) -> bool:
    """Whether text may be burned into the picture: where the file says so, or is a copy of a screen and does
    not deny it.
    """
    return source.burned_in != ""


def _key(cohort: Cohort, kind: str, value: str) -> str:
    return _digest(cohort, kind, value).hex()[:_KEY_LENGTH] if value.strip() else ""


def _digest(cohort: Cohort, kind: str, value: str) -> bytes:
    """Without the key nobody can try names or numbers until one fits."""
    message = f"{cohort.pk}\0{kind}\0{value}".encode(errors="backslashreplace")
    secret = settings.PSEUDONYM_KEY or settings.SECRET_KEY
    return hmac.new(secret.encode(), message, hashlib.sha256).digest()


def _shifted(cohort: Cohort, source: Source) -> date | None:
    try:
        taken = datetime.strptime(source.date.strip(), _DATE_FORMAT).date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None
    digest = _digest(cohort, "days", source.patient or source.person or source.study)
    days = _LEAST_SHIFT + int.from_bytes(digest[:4], "big") % (_MOST_SHIFT - _LEAST_SHIFT)
    try:
        return taken - timedelta(days=days)
    except OverflowError:
        return None
