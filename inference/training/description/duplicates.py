"""Images that are there more than once: the same file, the same pixels, nearly the same picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from inference.contradictions import Labels
from inference.fingerprints import MAX_DISTANCE, distances
from inference.training.description.collect import Reading


@dataclass(frozen=True, eq=False)
class NearPairs:
    """Pairs of similar images. first, second: int64 (P,), first < second, indices of the readings.

    mirrored: bool (P,), where only the mirror image of the one is similar to the other.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    mirrored: NDArray[np.bool_]


def near_pairs(readings: Sequence[Reading], max_distance: int = MAX_DISTANCE) -> NearPairs:
    """Find all pairs whose perceptual hashes differ in at most `max_distance` bits, mirror images too."""
    hashes = np.stack([reading.hashes for reading in readings])
    first: list[NDArray[np.int64]] = []
    second: list[NDArray[np.int64]] = []
    mirrored: list[NDArray[np.bool_]] = []
    for index, (plain, mirror) in enumerate(hashes):
        rest = hashes[index + 1 :, 0]
        upright = distances(plain, rest) <= max_distance
        found = np.flatnonzero(upright | (distances(mirror, rest) <= max_distance))
        first.append(np.full(len(found), index))
        second.append(found + index + 1)
        mirrored.append(~upright[found])
    return NearPairs(np.concatenate(first), np.concatenate(second), np.concatenate(mirrored))


def describe_duplicates(readings: Sequence[Reading], near: NearPairs) -> dict[str, Any]:
    """Return the report's section: sets of equal files and pixels, sets of similar pictures, and the sets
    whose members are labelled differently.
    """
    names = [reading.entry.name for reading in readings]
    labels = [reading.entry.label for reading in readings]
    files = equal_sets([reading.file_digest for reading in readings])
    pixels = equal_sets([reading.pixel_digest for reading in readings])
    similar = _linked_sets(near, len(readings))
    conflicts = [each for each in similar if len({labels[index] for index in each}) > 1]
    return {
        "files": _section(files, names),
        "pixels": _section(pixels, names),
        "near": {
            "max_distance": MAX_DISTANCE,
            "pairs": len(near.first),
            "mirrored_pairs": int(near.mirrored.sum()),
            **_section(similar, names),
        },
        "contradictions": _contradictions(readings),
        "conflicting_labels": [
            [{"file": names[index], "label": labels[index]} for index in each] for each in conflicts
        ],
    }


def _contradictions(readings: Sequence[Reading]) -> list[str]:
    """The images of which the same bytes or pixels have two labels, a sentence each."""
    labels = Labels()
    for reading in readings:
        labels.add(reading.entry.name, reading.entry.label, [reading.file_digest, reading.pixel_digest])
    return [each.sentence for each in labels.contradictions]


def equal_sets(keys: Sequence[Hashable]) -> list[list[int]]:
    """Return the indices that share a key, in order, for every key that occurs at least twice."""
    found: dict[Hashable, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        found[key].append(index)
    return [indices for indices in found.values() if len(indices) > 1]


def _linked_sets(near: NearPairs, count: int) -> list[list[int]]:
    links = coo_array((np.ones(len(near.first), bool), (near.first, near.second)), shape=(count, count))
    _number, component = connected_components(links, directed=False)
    return equal_sets(component.tolist())


def _section(sets: Sequence[Sequence[int]], names: Sequence[str]) -> dict[str, Any]:
    """images: how many are in a set. surplus: how many could go so that one of each set is left."""
    images = sum(len(each) for each in sets)
    return {
        "images": images,
        "surplus": images - len(sets),
        "sets": [[names[index] for index in each] for each in sets],
    }
