"""The rows of each table, as they stand now; read them inside one snapshot of the database.

A chunk at a time, so that 100,000 cases take no more memory than a hundred.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, OuterRef
from django.db.models.functions import Coalesce

from cases.analysis.results import key_results
from cases.evidence.listing import figure_rows
from cases.evidence.study import StudyFilter, study_of
from cases.interim import figures_are_closed
from cases.models import Adjudication, FirstRead, Prediction, Review

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cases.models import Cohort

CHUNK = 2000
_SEEN = ("seen_network_at", "seen_truth_at", "seen_peers_at")
_SAID = ("other_finding", "confidence", "active_seconds", "comment", "region")


def expected_rows(cohort: Cohort) -> int:
    """About how many rows there will be, for the progress."""
    cases = cohort.cases.filter(is_sentinel=False).count()
    of_cohort = {"case__cohort": cohort, "case__is_sentinel": False}
    said = sum(model.objects.filter(**of_cohort).count() for model in (FirstRead, Review, Adjudication))
    return 2 * cases + said


def rows_of(table: str, cohort: Cohort) -> Iterator[dict[str, Any]]:
    """The rows of one table, in a fixed order. Sentinels are no study data (ADR 37), and in none."""
    return {"cases": _cases, "results": _results, "statements": _statements, "figures": _figures}[table](
        cohort
    )


def _cases(cohort: Cohort) -> Iterator[dict[str, Any]]:
    rows = (
        cohort.cases.filter(is_sentinel=False)
        .order_by("created_at", "id")
        .annotate(images_n=Count("images"), read_as=Coalesce("protocol__reading", "cohort__reading"))
        .values_list(
            *("code", "patient", "is_simulated", "ground_truth", "state", "protocol__version"),
            *("read_as", "images_n", "created_at", "deleted_at"),
        )
    )
    for row in rows.iterator(CHUNK):
        code, patient, simulated, truth, state, version, reading, images, received, deleted = row
        yield {
            "case": code,
            "cohort": cohort.name,
            "cluster": patient or code,
            "simulated": simulated,
            "known_class": truth or None,
            "state": state,
            "protocol_version": version,
            "reading": reading,
            "images": images,
            "received_at": _at(received),
            "deleted_at": _at(deleted),
        }


def _results(cohort: Cohort) -> Iterator[dict[str, Any]]:
    """One a case and network."""
    results = key_results(Prediction.objects.filter(image__cohort=cohort, image__case__is_sentinel=False))
    rows = results.order_by("created_at", "id").values_list(
        *("image__case__code", "image__case__patient", "model_version__name", "image__position"),
        *("image__source_sha256", "predicted_class", "confidence", "probabilities", "gate_verdict"),
        *("gate_distance", "in_training", "seconds", "created_at", "image__deleted_at"),
    )
    for row in rows.iterator(CHUNK):
        (
            code,
            patient,
            version,
            position,
            sha256,
            predicted,
            confidence,
            shares,
            gate,
            far,
            trained,
            took,
            at,
            deleted,
        ) = row
        yield {
            "case": code,
            "cluster": patient or code,
            "model_version": version,
            "image_position": position,
            "image_sha256": None if deleted else sha256,
            "predicted_class": predicted,
            "probability": confidence,
            "probabilities": dict(sorted(shares.items())),
            "gate_verdict": gate or None,
            "gate_distance": far,
            "trained_on": trained,
            "seconds": took,
            "at": _at(at),
        }


def _statements(cohort: Cohort) -> Iterator[dict[str, Any]]:
    """First reads, then reviews with their amendments and remarks, then decisions; each the oldest first."""
    yield from _first_reads(cohort)
    yield from _reviews(cohort)
    yield from _adjudications(cohort)


def _first_reads(cohort: Cohort) -> Iterator[dict[str, Any]]:
    rows = FirstRead.objects.filter(case__cohort=cohort, case__is_sentinel=False).order_by("created_at", "id")
    names = (*_COMMON, "reader", "read_class")
    for row in rows.values_list(*names).iterator(CHUNK):
        told = dict(zip(names, row, strict=True))
        yield _statement(told, "first", counts=True, said=told["read_class"])


def _reviews(cohort: Cohort) -> Iterator[dict[str, Any]]:
    later = Review.objects.filter(amends=OuterRef("pk"), is_remark=False)
    rows = Review.objects.filter(case__cohort=cohort, case__is_sentinel=False).order_by("created_at", "id")
    names = (
        *_COMMON,
        *(
            "reader",
            "final_class",
            "verdict",
            "heat_in_region",
            "amends",
            "reason",
            "is_remark",
            "is_amended",
        ),
        "prediction__model_version__name",
    )
    for row in rows.annotate(is_amended=Exists(later)).values_list(*names).iterator(CHUNK):
        told = dict(zip(names, row, strict=True))
        kind = "remark" if told["is_remark"] else "amendment" if told["amends"] else "final"
        counts = not told["is_remark"] and not told["is_amended"]
        yield _statement(told, kind, counts=counts, said=told["final_class"])


def _adjudications(cohort: Cohort) -> Iterator[dict[str, Any]]:
    rows = Adjudication.objects.filter(case__cohort=cohort, case__is_sentinel=False).order_by(
        "created_at", "id"
    )
    names = (*_COMMON, "adjudicator", "final_class")
    for row in rows.values_list(*names).iterator(CHUNK):
        told = dict(zip(names, row, strict=True))
        told["reader"] = told["adjudicator"]
        yield _statement(told, "adjudication", counts=True, said=told["final_class"])


_COMMON = ("id", "case__code", "case__patient", *_SAID, *_SEEN, "protocol__version", "created_at")


def _statement(told: dict[str, Any], kind: str, *, counts: bool, said: str) -> dict[str, Any]:
    region = told["region"]
    return {
        "statement": str(told["id"]),
        "case": told["case__code"],
        "cluster": told["case__patient"] or told["case__code"],
        "reader": str(told["reader"]),
        "kind": kind,
        "counts": counts,
        "class": said,
        "other_finding": told["other_finding"] or None,
        "confidence": told["confidence"],
        "verdict": told.get("verdict"),
        "seconds": told["active_seconds"],
        "comment": told["comment"] or None,
        "region": None if region is None else json.dumps(region, sort_keys=True),
        "heat_in_region": told.get("heat_in_region"),
        "protocol_version": told["protocol__version"],
        "model_version": told.get("prediction__model_version__name"),
        "at": _at(told["created_at"]),
        "amends": str(told["amends"]) if told.get("amends") else None,
        "reason": told.get("reason") or None,
        **{name: _at(told[name]) for name in _SEEN},
    }


def _figures(cohort: Cohort) -> Iterator[dict[str, Any]]:
    """None of a running blinded study, whose figures are closed."""
    if not figures_are_closed(cohort):
        yield from figure_rows(study_of(cohort, StudyFilter()))


def _at(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
