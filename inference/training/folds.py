"""Which model may be scored on which images: only on folds that it did not see."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from inference.errors import DataError
from inference.manifest import Manifest
from inference.training.data import Sample

_FOLD_MODEL = re.compile(r"-fold(\d+)$")


@dataclass(frozen=True)
class HeldOut:
    """A model and the folds on which it is scored; none of them was trained on."""

    manifest: Manifest
    folds: tuple[int, ...]

    def of(self, samples: Sequence[Sample]) -> list[Sample]:
        """Return the samples of these folds, in order. Raises DataError data_missing where there is none."""
        chosen = [sample for sample in samples if sample.fold in self.folds]
        if not chosen:
            raise DataError(
                "data_missing", f"No image is in the held-out folds. Received folds {list(self.folds)}."
            )
        return chosen


def held_out(manifests: Sequence[Manifest], folds: Sequence[int] = ()) -> list[HeldOut]:
    """Return each model with its held-out folds, in order.

    A model named `*-fold<k>` is scored on fold k; any other one on `folds`. Raises DataError data_invalid
    where a model has no such fold, was trained on it, does not say what it was trained on, or has other
    classes than the first.
    """
    if any(manifest.class_codes != manifests[0].class_codes for manifest in manifests):
        raise DataError(
            "data_invalid",
            f"Models that are scored together must have the same classes in the same order. "
            f"Received {', '.join(manifest.id for manifest in manifests)}.",
        )
    return [_held_out(manifest, folds) for manifest in manifests]


def fold_of(manifest: Manifest) -> int | None:
    """Return k for a model named `*-fold<k>`."""
    found = _FOLD_MODEL.search(manifest.id)
    return int(found[1]) if found else None


def _held_out(manifest: Manifest, folds: Sequence[int]) -> HeldOut:
    own = fold_of(manifest)
    wanted = tuple(folds) if own is None else (own,)
    if not wanted:
        raise DataError(
            "data_invalid",
            f"A model that is not named '...-fold<k>' needs the folds to score it on. "
            f"Received {manifest.id!r} without folds.",
        )
    seen = _training_folds(manifest)
    both = sorted(set(wanted) & set(seen))
    if both:
        raise DataError(
            "data_invalid",
            f"The model {manifest.id!r} was trained on folds {sorted(seen)}, so it must not be scored there. "
            f"Received folds {both}.",
        )
    return HeldOut(manifest, wanted)


def _training_folds(manifest: Manifest) -> list[int]:
    """What the manifest's record says; a model without such a record might have seen anything."""
    split = manifest.training.get("split", {})
    folds = split.get("training", {}).get("folds")
    if not folds:
        raise DataError(
            "data_invalid",
            f"A manifest must name the folds of its training before its model is scored on others. "
            f"Received {manifest.id!r} without them.",
        )
    return list(folds)


def refuse_shared_groups(samples: Sequence[Sample]) -> None:
    """Raise DataError data_invalid where a group, hence a patient, stands in several folds."""
    folds = defaultdict(set)
    for sample in samples:
        if sample.group:
            folds[sample.group].add(sample.fold)
    shared = sum(len(found) > 1 for found in folds.values())
    if shared:
        raise DataError("data_invalid", f"Groups stand in more than one fold. Received {shared} such groups.")
