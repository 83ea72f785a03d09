"""A data set's description, as one JSON-ready report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inference.errors import DataError
from inference.training.description.collect import Fault, Reading, collect
from inference.training.description.confounds import describe_properties
from inference.training.description.duplicates import describe_duplicates, near_pairs
from inference.training.description.leaks import find_leaks
from inference.training.description.listing import Entry, Listing, list_images
from inference.training.description.statistics import compare_classes, summarise
from inference.training.progress import Progress, silent


@dataclass(frozen=True, eq=False)
class Description:
    """A data set and what was found: `content` is the JSON report, `readings` are what plots are drawn
    from.
    """

    content: dict[str, Any]
    readings: tuple[Reading, ...]

    @property
    def leaks(self) -> list[str]:
        """What splits share, a sentence each; empty where nothing was found."""
        return [leak["sentence"] for leak in self.content["leaks"]]

    @property
    def contradictions(self) -> list[str]:
        """The images that have two labels, a sentence each."""
        sentences: list[str] = self.content["duplicates"]["contradictions"]
        return sentences

    @property
    def notices(self) -> list[str]:
        """What the listing left out, a sentence each."""
        sentences: list[str] = self.content["notices"]
        return sentences


def describe(
    directory: Path,
    manifest: Path | None = None,
    progress: Progress = silent,
) -> Description:
    """Read and describe all images below `directory`. progress: told how many of how many are read.

    Raises DataError data_missing, also where no single file can be read, and data_invalid.
    """
    listing = list_images(directory, manifest)
    readings, faults = collect(listing.entries, progress)
    if not readings:
        codes = ", ".join(sorted({fault.code for fault in faults}))
        raise DataError("data_missing", f"None of {len(faults)} files can be read. Received {codes}.")
    near = near_pairs(readings)
    content = {
        "data": {
            "files": len(listing.entries),
            "readable": len(readings),
            "classes": list(listing.classes),
            "split_by": listing.split_by,
            "splits": list(listing.splits),
            "groups": _distinct([entry.group for entry in listing.entries]),
            "slices": _distinct([entry.slice_id for entry in listing.entries]),
        },
        "leaks": find_leaks(listing, readings, near),
        "not_checked": _not_checked(listing),
        "notices": list(listing.notices),
        "counts": _counts(listing),
        "faulty": [_fault(fault) for fault in faults],
        "duplicates": describe_duplicates(readings, near),
        "properties": describe_properties(readings, listing.classes),
        "intensity": summarise(readings),
        "tests": compare_classes(readings),
    }
    return Description(content, tuple(readings))


def mean_histograms(readings: Sequence[Reading]) -> dict[str, Any]:
    """Return class to the mean of its images' histograms: float64 (256,), shares of the pixels."""
    codes = sorted({reading.entry.label for reading in readings})
    return {
        code: np.mean([reading.histogram for reading in readings if reading.entry.label == code], axis=0)
        for code in codes
    }


def _counts(listing: Listing) -> dict[str, Any]:
    """Files by class; and, where known, by split and by source: name to class to number."""
    entries = listing.entries
    by_class = Counter(entry.label for entry in entries)
    return {
        "by_class": {code: by_class[code] for code in listing.classes},
        "by_split": _by(entries, listing.classes, [entry.split for entry in entries]),
        "by_source": _by(entries, listing.classes, [entry.source for entry in entries]),
    }


def _by(
    entries: Sequence[Entry], classes: Sequence[str], values: Sequence[str | None]
) -> dict[str, dict[str, int]] | None:
    if all(value is None for value in values):
        return None
    named = [value or "not given" for value in values]
    counts = Counter(zip(named, (entry.label for entry in entries), strict=True))
    return {value: {code: counts[value, code] for code in classes} for value in sorted(set(named))}


def _distinct(values: Sequence[str | None]) -> int | None:
    known = {value for value in values if value is not None}
    return len(known) or None


def _not_checked(listing: Listing) -> list[str]:
    """What an empty list of leaks does not rule out, a sentence each."""
    if len(listing.splits) < 2:
        return ["The data are not divided into splits, so there is nothing that two splits could share."]
    missing = []
    if all(entry.group is None for entry in listing.entries):
        missing.append(
            "Groups (patients or exams) are not known: whether splits share patients was not checked."
        )
    if all(entry.slice_id is None for entry in listing.entries):
        missing.append("Slices are not named: copies were looked for by similarity only.")
    return missing


def _fault(fault: Fault) -> dict[str, str]:
    return {
        "file": fault.entry.name,
        "label": fault.entry.label,
        "code": fault.code,
        "message": fault.message,
    }
