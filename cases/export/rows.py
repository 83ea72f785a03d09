"""Reviewed cases as rows, in constant memory, for JSON, CSV and NDJSON alike."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet

from cases import disclosures
from cases.disclaimer import DISCLAIMER
from cases.export.selection import with_all
from cases.lifecycle import Shown
from cases.models import Review
from cases.spreadsheets import defused, one_line
from cases.worklist.keyset import by_keys

if TYPE_CHECKING:
    from portal.accounts.models import User

COLUMNS = (
    "review_id",
    "case",
    "cohort",
    "simulated",
    "ground_truth",
    "reading",
    "protocol_version",
    "case_images",
    "image_position",
    "image_sha256",
    "image_width",
    "image_height",
    "model_version",
    "predicted_class",
    "predicted_probability",
    "probabilities",
    "gate_verdict",
    "gate_distance",
    "trained_on",
    "first_read_class",
    "first_read_confidence",
    "first_read_at",
    "verdict",
    "final_class",
    "corrected_class",
    "changed_after_reveal",
    "other_finding",
    "reader_confidence",
    "comment",
    "region",
    "heat_in_region",
    "active_seconds",
    "reader",
    "reviewed_at",
    "amendment",
    "amends",
    "amendment_reason",
    "adjudicated_class",
    "adjudicated_at",
    "notice",
    "remark",
    "seen_network_at",
    "seen_truth_at",
    "seen_peers_at",
    "first_read_blind",
    "picture_deleted_at",
)
CHUNK = 500


def review_row(review: Review) -> dict[str, Any]:
    """One review, with the keys of COLUMNS. The reader is an opaque id."""
    prediction, protocol = review.prediction, review.protocol
    first = next((read for read in review.case.first_reads.all() if read.reader_id == review.reader_id), None)
    decision = getattr(review.case, "adjudication", None)
    return {
        "review_id": str(review.pk),
        "case": review.case.code,
        "cohort": review.case.cohort.name,
        "simulated": review.case.is_simulated,
        "ground_truth": review.case.ground_truth or None,
        "reading": protocol.reading if protocol else None,
        "protocol_version": protocol.version if protocol else None,
        "case_images": len(review.case.images.all()),
        "image_position": prediction.image.position,
        "image_sha256": None if prediction.image.deleted_at else prediction.image.source_sha256,
        "image_width": prediction.image.width,
        "image_height": prediction.image.height,
        "model_version": prediction.model_version.name,
        "predicted_class": prediction.predicted_class,
        "predicted_probability": prediction.confidence,
        "probabilities": prediction.probability_by_class,
        "gate_verdict": prediction.gate_verdict or None,
        "gate_distance": prediction.gate_distance,
        "trained_on": prediction.in_training,
        "first_read_class": first.read_class if first else None,
        "first_read_confidence": first.confidence if first else None,
        "first_read_at": first.created_at.isoformat() if first else None,
        "verdict": review.verdict,
        "final_class": review.final_class,
        "corrected_class": review.final_class if review.verdict == "disagree" else None,
        "changed_after_reveal": first.read_class != review.final_class if first else None,
        "other_finding": review.other_finding or None,
        "reader_confidence": review.confidence,
        "comment": review.comment,
        "region": review.region,
        "heat_in_region": review.heat_in_region,
        "active_seconds": review.active_seconds,
        "reader": str(review.reader_id),
        "reviewed_at": review.created_at.isoformat(),
        "amendment": review.amends_id is not None,
        "amends": str(review.amends_id) if review.amends_id else None,
        "amendment_reason": review.reason or None,
        "adjudicated_class": decision.final_class if decision else None,
        "adjudicated_at": decision.created_at.isoformat() if decision else None,
        "notice": DISCLAIMER,
        "remark": review.is_remark,
        "seen_network_at": _moment(review.seen_network_at),
        "seen_truth_at": _moment(review.seen_truth_at),
        "seen_peers_at": _moment(review.seen_peers_at),
        "first_read_blind": first.is_blind if first else None,
        "picture_deleted_at": _moment(prediction.image.deleted_at),
    }


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def rows(reviews: QuerySet[Review], *, to: User) -> Iterator[dict[str, Any]]:
    """The rows of all `reviews`, fetched CHUNK at a time; before each of these leaves, what it shows is
    written down.

    Which they are, and in which order, is what holds when the first is asked for: a review that comes or is
    amended meanwhile is in the next export.
    """
    keys = reviews.values_list("pk", flat=True).iterator(chunk_size=CHUNK)
    for chunk in batched(keys, CHUNK):
        yield from rows_of(by_keys(Review, chunk, with_all), to=to)


def rows_of(reviews: Sequence[Review], *, to: User) -> list[dict[str, Any]]:
    """The rows of some reviews, which `to` is about to be shown."""
    write_down(reviews, to=to)
    return [review_row(review) for review in reviews]


def write_down(reviews: Sequence[Review], *, to: User) -> None:
    """Write down what the rows of these reviews show to whom they are sent (cases/disclosures.py)."""
    shown = {(review.case_id, kind) for review in reviews for kind in _told(review, to)}
    disclosures.record_some(to=to, shown=shown)


def _told(review: Review, to: User) -> Iterator[Shown]:
    """What the row of a review tells whom it is sent to."""
    yield Shown.NETWORK
    if review.case.ground_truth:
        yield Shown.TRUTH
    if review.reader_id != to.pk or hasattr(review.case, "adjudication"):
        yield Shown.PEERS


def batched(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """The items, so many at a time (itertools has it from Python 3.12 on)."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def ndjson_lines(items: Iterable[dict[str, Any]]) -> Iterator[str]:
    """One JSON object a line."""
    for item in items:
        yield one_line(json.dumps(item, ensure_ascii=False)) + "\n"


class _Echo:
    """A file whose `write` hands the line back, as Django's page on streaming CSV shows."""

    def write(self, line: str) -> str:
        return line


def csv_lines(items: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A header and one line a row (RFC 4180); no cell can be run as a formula."""
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for item in items:
        yield writer.writerow([_cell(item[column]) for column in COLUMNS])


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, bool):
        return str(value).lower()
    return defused(value) if isinstance(value, str) else value
