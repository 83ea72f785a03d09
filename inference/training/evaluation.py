"""Evaluate a network on labelled images: one report with every figure, as `python -m inference
evaluate` prints it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.predictor import PredictionResult, Predictor
from inference.training.data import Sample, read_pixels
from inference.training.intervals import bootstrap_intervals
from inference.training.localisation import Localisation, localise, summarise
from inference.training.means import known_groups
from inference.training.metrics import score
from inference.training.progress import Progress, silent

_BATCH = 8


@dataclass(frozen=True, eq=False)
class Outcome:
    """Per sample, in order: probabilities float64 (N, C), logits before the temperature float32 (N, C),
    embeddings float32 (N, D), and what the maps point at where a lesion box is known.
    """

    probabilities: NDArray[np.float64]
    logits: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    localisations: list[Localisation | None]


def evaluate(
    predictor: Predictor,
    samples: Sequence[Sample],
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Return the report of `predictor` on `samples`, ready for JSON.

    seed: of random boxes and bootstrap. progress: told how many of how many are done. Raises DataError.
    """
    outcome = run(predictor, samples, seed=seed, progress=progress)
    codes = predictor.manifest.class_codes
    return {"model": predictor.manifest.id, **report_of(samples, outcome, codes, seed=seed)}


def report_of(
    samples: Sequence[Sample], outcome: Outcome, codes: Sequence[str], *, seed: int = 0
) -> dict[str, Any]:
    """Return the figures on all samples and, where first_of_slice is known, under `distinct`."""
    report = _report(samples, outcome, codes, np.arange(len(samples)), seed)
    first = np.array([index for index, sample in enumerate(samples) if sample.first_of_slice])
    if first.size:
        report["distinct"] = _report(samples, outcome, codes, first, seed)
    return report


def run(predictor: Predictor, samples: Sequence[Sample], *, seed: int, progress: Progress) -> Outcome:
    """Predict all samples in batches; maps are measured at once and let go."""
    rng = np.random.default_rng(seed)
    results: list[tuple[tuple[float, ...], tuple[float, ...], NDArray[np.float32]]] = []
    localisations: list[Localisation | None] = []
    for start in range(0, len(samples), _BATCH):
        chunk = samples[start : start + _BATCH]
        pixels = [read_pixels(sample)[0] for sample in chunk]
        for sample, slice_, result in zip(chunk, pixels, predictor.predict(pixels), strict=True):
            results.append((result.probabilities, result.logits, result.embedding))
            localisations.append(_localisation(sample, slice_.shape, result, rng))
        progress(len(results), len(samples))
    probabilities, logits, embeddings = zip(*results, strict=True)
    return Outcome(
        np.array(probabilities, np.float64), np.array(logits, np.float32), np.stack(embeddings), localisations
    )


def _localisation(
    sample: Sample, shape: tuple[int, ...], result: PredictionResult, rng: np.random.Generator
) -> Localisation | None:
    if sample.box is None:
        return None
    return localise(result.maps, sample.label, sample.box, shape, rng)


def _report(
    samples: Sequence[Sample], outcome: Outcome, codes: Sequence[str], chosen: NDArray[np.int64], seed: int
) -> dict[str, Any]:
    truth = np.array([codes.index(samples[index].label) for index in chosen], np.int64)
    probabilities = outcome.probabilities[chosen]
    report = score(truth, probabilities, codes).as_dict()
    groups = known_groups([samples[index].group for index in chosen])
    if groups is not None:
        report["interval"] = bootstrap_intervals(truth, probabilities, groups, codes, seed=seed)
    boxed = [index for index in chosen if outcome.localisations[index] is not None]
    if boxed:
        measured = [each for index in boxed if (each := outcome.localisations[index]) is not None]
        report["localisation"] = summarise(
            measured, known_groups([samples[index].group for index in boxed]), seed=seed
        )
    return report
