"""Reviewed cases as a folder that `python -m inference train` takes as it is: pictures, and a manifest.csv
with classes, groups and folds.

The class of a case is its known one, else the adjudicator's, else the one that all its readers name. Groups
keep together what must not lie on both sides of a split: cases of one patient, and copies of one picture; a
group lies in one fold. What has no class that a network knows, what was refused, and a picture under two
classes is left out and counted.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from django.db.models import Prefetch

from cases import storage
from cases.classes import known_classes
from cases.models import Case, Review
from cases.models.review import standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cases.models import Cohort, Image

COLUMNS = ("path", "label", "group", "fold", "slice", "first_of_slice", "case", "source", "network")
CHUNK = 200


class Chosen(StrEnum):
    """Which cases are written."""

    ALL = "all"
    DISAGREEMENTS = "disagreements"


class TrainingSetError(Exception):
    """The folder cannot be written; the message says what to do."""


@dataclass(frozen=True)
class Labelled:
    """One image and its class. source: truth, adjudication or readers. network: what it said, empty where
    none has.
    """

    image: Image
    case: Case
    label: str
    source: str
    network: str


@dataclass
class Written:
    """What became of the cases: how many images by class, and how many cases were left out, by why."""

    by_class: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    groups: int = 0


def export_training_set(
    cohort: Cohort, folder: Path, *, folds: int, chosen: Chosen = Chosen.ALL, with_simulated: bool = False
) -> Written:
    """Write the set into an empty folder. Raises TrainingSetError."""
    if folder.exists() and any(folder.iterdir()):
        raise TrainingSetError(f"The folder is not empty; name a new one. Received {folder.name!r}.")
    written = Written()
    found = list(_labelled(cohort, written, with_simulated=with_simulated))
    if chosen is Chosen.DISAGREEMENTS:
        found = [each for each in found if each.network and each.network != each.label]
    found = list(_without_contradictions(found, written))
    if not found:
        raise TrainingSetError("No case of the cohort can be learned from: none has an image and a class.")
    groups = _groups(found)
    written.groups = len(set(groups.values()))
    (folder / "images").mkdir(parents=True, exist_ok=True)
    _write(found, groups, folder, folds, written)
    return written


def _labelled(cohort: Cohort, written: Written, *, with_simulated: bool) -> Iterator[Labelled]:
    known = known_classes()
    reviews = Review.objects.filter(standing()).select_related("prediction__image")
    cases = Case.objects.filter(cohort=cohort).select_related("adjudication").order_by("created_at", "id")
    for case in cases.prefetch_related("images", Prefetch("reviews", reviews)).iterator(CHUNK):
        if case.deleted_at:
            written.left_out["deleted"] += 1
            continue
        if case.is_sentinel:  # a network that learned it could not be tested by it
            written.left_out["sentinel"] += 1
            continue
        if case.is_simulated and not with_simulated:
            written.left_out["simulated"] += 1
            continue
        label, source = _class_of(case)
        if not label:
            written.left_out["no class that all agree on"] += 1
        elif label not in known:
            written.left_out["a class that no network knows"] += 1
        elif (image := _image_of(case)) is None:
            written.left_out["many images, none of them read"] += 1
        else:
            yield Labelled(image, case, label, source, case.key_class)


def _class_of(case: Case) -> tuple[str, str]:
    if case.ground_truth:
        return case.ground_truth, "truth"
    if decision := getattr(case, "adjudication", None):
        return decision.final_class, "adjudication"
    named = {review.final_class for review in case.reviews.all()}
    return (named.pop(), "readers") if len(named) == 1 else ("", "")


def _image_of(case: Case) -> Image | None:
    """The only image, or of many the one whose result was read: the class of a case is not that of each
    slice.
    """
    images = list(case.images.all())
    if len(images) == 1:
        return images[0]
    read = {review.prediction.image_id: review.prediction.image for review in case.reviews.all()}
    found = next(iter(read.values())) if len(read) == 1 else None
    return None if found and found.deleted_at else found


def _without_contradictions(found: list[Labelled], written: Written) -> Iterator[Labelled]:
    labels: dict[str, set[str]] = defaultdict(set)
    for each in found:
        labels[each.image.file].add(each.label)
    for each in found:
        if len(labels[each.image.file]) > 1:
            written.left_out["the same picture under two classes"] += 1
        else:
            yield each


def _groups(found: Iterable[Labelled]) -> dict[str, str]:
    """The group of each case by its code: patients joined by copies of one picture are one group."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = name = parent[parent[name]]
        return name

    own = {each.case.code: each.case.patient or each.case.code for each in found}
    for each in found:
        parent[root(f"picture {each.image.picture}")] = root(own[each.case.code])
    return {code: sha256(root(name).encode()).hexdigest()[:16] for code, name in own.items()}


def _write(found: list[Labelled], groups: dict[str, str], folder: Path, folds: int, written: Written) -> None:
    seen: set[object] = set()
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for each in found:
            name = f"images/{each.case.code}-{each.image.position}.png"
            (folder / name).write_bytes(storage.load(each.image.file))
            group = groups[each.case.code]
            is_first = each.image.picture not in seen
            seen.add(each.image.picture)
            place = (group, int(group, 16) % folds, each.image.picture, int(is_first))
            rows.writerow([name, each.label, *place, each.case.code, each.source, each.network])
            written.by_class[each.label] += 1
