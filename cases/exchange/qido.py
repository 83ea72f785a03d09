"""What QIDO-RS finds (PS3.18, 10.6): studies, series and instances, under keys of the cohort."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Max, Min, Q, QuerySet
from django.utils.translation import gettext as _t

from cases.access import existing_images
from cases.models import Cohort, Series
from cases.permissions import visible_to

if TYPE_CHECKING:
    from portal.accounts.models import User

MOST = 1000
_USUAL = 100
# A key is 128 bits, and so are the numbers below this root (PS3.5, B.2).
_ROOT = "2.25."
_KEY_BITS = 128
_FILTERS = {
    "StudyInstanceUID": "study_key",
    "0020000D": "study_key",
    "SeriesInstanceUID": "series_key",
    "0020000E": "series_key",
    "PatientID": "patient_key",
    "00100020": "patient_key",
    "Modality": "modality",
    "00080060": "modality",
    "ModalitiesInStudy": "modality",
    "00080061": "modality",
}
_UIDS = ("study_key", "series_key")
_EXISTING = Q(case__images__deleted_at__isnull=True)
# What every answer has anyway, or what is no matter of ours.
_PASSED_OVER = ("includefield", "fuzzymatching")


class UnknownQuery(Exception):
    """A query that cannot be answered; the message says which can."""


@dataclass(frozen=True)
class Query:
    """What is asked for; `filters` by the fields of Series."""

    filters: dict[str, str] = field(default_factory=dict)
    limit: int = _USUAL
    offset: int = 0


def query_of(parameters: Mapping[str, str]) -> Query:
    """The query of an address. Raises UnknownQuery."""
    filters: dict[str, str] = {}
    numbers = {"limit": _USUAL, "offset": 0}
    for name, value in parameters.items():
        if name in numbers:
            if not re.fullmatch(r"[0-9]{1,9}", value):
                raise UnknownQuery(_t("limit and offset are whole numbers."))
            numbers[name] = int(value)
        elif name in _FILTERS:
            wanted = _FILTERS[name]
            filters[wanted] = key_of(value) if wanted in _UIDS else value
        elif name not in _PASSED_OVER:
            raise UnknownQuery(
                _t("Search by StudyInstanceUID, SeriesInstanceUID, PatientID or Modality; and limit, offset.")
            )
    return Query(filters, min(numbers["limit"], MOST), numbers["offset"])


def uid_of(key: str) -> str:
    """The UID that stands for a key."""
    return f"{_ROOT}{int(key, 16)}"


def key_of(uid: str) -> str:
    """The key that a UID stands for; of another UID one that nothing has."""
    if not re.fullmatch(r"2\.25\.[0-9]{1,39}", uid):
        return "-"
    number = int(uid.removeprefix(_ROOT))
    return f"{number:032x}" if number < 2**_KEY_BITS else "-"


def studies(user: User, cohort: Cohort, query: Query) -> list[dict[str, Any]]:
    """The studies, as DICOM's JSON."""
    rows = (
        _series(user, cohort, query)
        .values("study_key", "patient_key")
        .annotate(
            day=Min("acquired_on"),
            series=Count("series_key", distinct=True),
            instances=Count("case__images__instance_key", filter=_EXISTING, distinct=True),
        )
        .order_by("study_key", "patient_key")[query.offset : query.offset + query.limit]
    )
    found = list(rows)
    modalities = _modalities(user, cohort, [row["study_key"] for row in found])
    return [
        {
            "00080020": _element("DA", _day(row["day"])),
            "00080061": _element("CS", *sorted(modalities.get(row["study_key"], ()))),
            "00100020": _element("LO", row["patient_key"]),
            "0020000D": _element("UI", uid_of(row["study_key"])),
            "00201206": _element("IS", row["series"]),
            "00201208": _element("IS", row["instances"]),
        }
        for row in found
    ]


def series(user: User, cohort: Cohort, query: Query) -> list[dict[str, Any]]:
    """The series, as DICOM's JSON; of one that became several cases the instances of all."""
    rows = (
        _series(user, cohort, query)
        .values("study_key", "series_key", "modality")
        .annotate(instances=Count("case__images__instance_key", filter=_EXISTING, distinct=True))
        .order_by("study_key", "series_key", "modality")[query.offset : query.offset + query.limit]
    )
    return [
        {
            "00080060": _element("CS", row["modality"]),
            "0020000D": _element("UI", uid_of(row["study_key"])),
            "0020000E": _element("UI", uid_of(row["series_key"])),
            "00201209": _element("IS", row["instances"]),
        }
        for row in rows
    ]


def instances(user: User, cohort: Cohort, query: Query) -> list[dict[str, Any]]:
    """The instances, as DICOM's JSON, in the order of their place in the series."""
    rows = (
        existing_images()
        .filter(case__series__in=_series(user, cohort, query))
        .exclude(instance_key="")
        .values("case__series__study_key", "case__series__series_key", "instance_key")
        .annotate(first=Min("position"), rows=Max("height"), columns=Max("width"), frames=Count("pk"))
        .order_by("case__series__study_key", "case__series__series_key", "first", "instance_key")
    )[query.offset : query.offset + query.limit]
    return [
        {
            "00080018": _element("UI", uid_of(row["instance_key"])),
            "0020000D": _element("UI", uid_of(row["case__series__study_key"])),
            "0020000E": _element("UI", uid_of(row["case__series__series_key"])),
            "00280008": _element("IS", row["frames"]),
            "00280010": _element("US", row["rows"]),
            "00280011": _element("US", row["columns"]),
        }
        for row in rows
    ]


def _series(user: User, cohort: Cohort, query: Query) -> QuerySet[Series]:
    """The series that match, in cases that the person may see."""
    found = Series.objects.filter(case__in=visible_to(user), case__cohort=cohort, **query.filters)
    return found.exclude(study_key="").exclude(series_key="")


def _modalities(user: User, cohort: Cohort, keys: list[str]) -> dict[str, set[str]]:
    modalities: dict[str, set[str]] = {}
    found = _series(user, cohort, Query()).filter(study_key__in=keys)
    for study, modality in found.values_list("study_key", "modality").distinct():
        modalities.setdefault(study, set()).update(filter(None, [modality]))
    return modalities


def _day(day: date | None) -> str:
    return day.strftime("%Y%m%d") if day else ""


def _element(kind: str, *values: str | int) -> dict[str, Any]:
    """An attribute as DICOM's JSON (PS3.18, F.2.2); one without a value has none."""
    there = [value for value in values if value != ""]
    return {"vr": kind, "Value": there} if there else {"vr": kind}
