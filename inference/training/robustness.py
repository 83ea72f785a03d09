"""Does a network look at the lesion, or at how the file was made? Two tests on slices that it did not see.

Changes that leave the content as it is must not change the answer: how often they do is the flip rate. And
with the lesion's box blanked the probability of the lesion's class must fall, further than with a box of the
same size blanked elsewhere in the head. All changes are made on decoded pixels, before the one preprocessing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.errors import DataError
from inference.formats import Pixels
from inference.predictor import Predictor
from inference.training.blanking import blank, box_elsewhere, pixel_box
from inference.training.changes import CHANGES, Grey, grey_of
from inference.training.data import Sample, read_pixels
from inference.training.folds import HeldOut
from inference.training.means import DRAWS, known_groups, mean_of
from inference.training.progress import Progress, onward, silent

_BATCH = 8

Probabilities = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Measured:
    """One slice. truth: index of its class; original: (C,); changed: (K, C) in the order of CHANGES.

    lesion, elsewhere: (C,) with the lesion's box blanked and with another one; None without a box, or without
    room.
    """

    label: str
    truth: int
    group: str | None
    original: Probabilities
    changed: Probabilities
    lesion: Probabilities | None
    elsewhere: Probabilities | None


def robustness(
    models: Sequence[HeldOut],
    samples: Sequence[Sample],
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Return the report, ready for JSON: every model on the distinct slices of its held-out folds, pooled.

    samples: of all folds; where none says which is the first of its slice, all count. seed: of the boxes
    elsewhere and of the bootstrap. progress: told how many slices of how many are done. Raises DataError.
    """
    work = [(model, _distinct(model.of(samples))) for model in models]
    total = sum(len(own) for _, own in work)
    measured: list[Measured] = []
    for model, own in work:
        predictor = Predictor.load(model.manifest)
        measured += measure(predictor, own, seed=seed, progress=onward(progress, len(measured), total))
    return {
        "models": [model.manifest.id for model in models],
        "folds": sorted({fold for model in models for fold in model.folds}),
        **summarise(measured, seed=seed),
    }


def measure(
    predictor: Predictor, samples: Sequence[Sample], *, seed: int, progress: Progress
) -> list[Measured]:
    """Predict every sample as it is, changed and blanked. Raises DataError."""
    rng = np.random.default_rng(seed)
    measured: list[Measured] = []
    for start in range(0, len(samples), _BATCH):
        chunk = samples[start : start + _BATCH]
        pictures = [_pictures(sample, rng) for sample in chunk]
        results = predictor.predict([pixels for own in pictures for pixels in own])
        rows = iter([np.array(result.probabilities) for result in results])
        for sample, own in zip(chunk, pictures, strict=True):
            truth = predictor.manifest.class_codes.index(sample.label)
            measured.append(_measured(sample, truth, [next(rows) for _ in own]))
        progress(len(measured), len(samples))
    return measured


def summarise(measured: Sequence[Measured], *, seed: int = 0) -> dict[str, Any]:
    """Return {n, groups, draws, changes, mean, any} and, where there are lesion boxes, `blanking`.

    A flip is another predicted class; the change of probability is that of the class predicted before.
    """
    groups = known_groups([each.group for each in measured])
    original = np.stack([each.original for each in measured])
    changed = np.stack([each.changed for each in measured])
    before = original.argmax(axis=1)
    flips = changed.argmax(axis=2) != before[:, None]
    every = np.arange(len(measured))
    moves = np.abs(changed[every, :, before] - original[every, before][:, None])
    report: dict[str, Any] = {"n": len(measured)}
    if groups is not None:
        report |= {"groups": len(set(groups)), "draws": DRAWS}
    report["changes"] = {
        change.code: {
            "label": change.label,
            **_flip_rate(flips[:, index], groups, seed),
            "probability_change": float(moves[:, index].mean()),
        }
        for index, change in enumerate(CHANGES)
    }
    report["mean"] = {
        **_flip_rate(flips.mean(axis=1), groups, seed),
        "probability_change": float(moves.mean()),
    }
    report["any"] = _flip_rate(flips.any(axis=1), groups, seed)
    blanked = [each for each in measured if each.lesion is not None]
    if blanked:
        report["blanking"] = _blanking(blanked, seed)
    return report


def _pictures(sample: Sample, rng: np.random.Generator) -> list[Pixels]:
    """The slice, its changes in order, and, where there is a box, the blanked one or two."""
    pixels = read_pixels(sample)[0]
    grey = grey_of(pixels)
    return [pixels, *(change.apply(grey) for change in CHANGES), *_blanked(sample, grey, rng)]


def _blanked(sample: Sample, grey: Grey, rng: np.random.Generator) -> list[Pixels]:
    if sample.box is None:
        return []
    height, width = grey.shape
    box = pixel_box(sample.box, (height, width))
    other = box_elsewhere(grey, box, rng)
    return [blank(grey, each) for each in (box, other) if each is not None]


def _measured(sample: Sample, truth: int, rows: Sequence[Probabilities]) -> Measured:
    blanked = rows[1 + len(CHANGES) :]
    return Measured(
        label=sample.label,
        truth=truth,
        group=sample.group,
        original=rows[0],
        changed=np.stack(rows[1 : 1 + len(CHANGES)]),
        lesion=blanked[0] if blanked else None,
        elsewhere=blanked[1] if len(blanked) > 1 else None,
    )


def _flip_rate(flips: NDArray[Any], groups: Sequence[str] | None, seed: int) -> dict[str, Any]:
    """flips: (N,) truth values, or the share of changes that flip a slice."""
    rate = mean_of(flips, groups, seed=seed)
    return {"n": len(flips), "flip_rate": rate.pop("mean"), **rate}


def _blanking(measured: Sequence[Measured], seed: int) -> dict[str, Any]:
    labels = sorted({each.label for each in measured})
    per_class = {label: _beside([each for each in measured if each.label == label], seed) for label in labels}
    return {**_beside(measured, seed), "per_class": per_class}


def _beside(measured: Sequence[Measured], seed: int) -> dict[str, Any]:
    """The lesion's box over all; the box elsewhere and the difference where there was room for one."""
    paired = [each for each in measured if each.elsewhere is not None]
    report: dict[str, Any] = {"lesion": _falls(measured, [each.lesion for each in measured], seed)}
    if paired:
        report["elsewhere"] = _falls(paired, [each.elsewhere for each in paired], seed)
        difference = _fall(paired, [each.lesion for each in paired]) - _fall(
            paired, [each.elsewhere for each in paired]
        )
        groups = known_groups([each.group for each in paired])
        report["difference"] = {
            "n": len(paired),
            **mean_of(difference, groups, seed=seed),
            "larger": mean_of(difference > 0, groups, seed=seed),
        }
    return report


def _falls(
    measured: Sequence[Measured], blanked: Sequence[Probabilities | None], seed: int
) -> dict[str, Any]:
    """How far the true class's probability falls, how often it does, and how often the class changes."""
    fall = _fall(measured, blanked)
    changed = [
        each.original.argmax() != now.argmax()
        for each, now in zip(measured, blanked, strict=True)
        if now is not None
    ]
    groups = known_groups([each.group for each in measured])
    return {
        "n": len(measured),
        **mean_of(fall, groups, seed=seed),
        "median": float(np.median(fall)),
        "falling": mean_of(fall > 0, groups, seed=seed),
        "changed_class": mean_of(changed, groups, seed=seed),
    }


def _fall(measured: Sequence[Measured], blanked: Sequence[Probabilities | None]) -> NDArray[np.float64]:
    return np.array(
        [
            each.original[each.truth] - now[each.truth]
            for each, now in zip(measured, blanked, strict=True)
            if now is not None
        ]
    )


def _distinct(samples: Sequence[Sample]) -> list[Sample]:
    if all(sample.first_of_slice is None for sample in samples):
        return list(samples)
    first = [sample for sample in samples if sample.first_of_slice]
    if not first:
        raise DataError("data_missing", "No image is the first of its slice. Received 0 distinct slices.")
    return first
