"""Cross-validation of one recipe: model k, which did not learn from fold k, is scored on fold k, and the
figures are taken over all folds together.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from inference.errors import DataError
from inference.files import readable, write_whole
from inference.predictor import Predictor
from inference.training.data import Sample
from inference.training.evaluation import Outcome, report_of, run
from inference.training.folds import HeldOut, refuse_shared_groups
from inference.training.progress import Progress, onward, silent

_SUMMARY = ("n", "accuracy", "macro_precision", "macro_recall", "macro_f1", "ece", "nll")


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What each of several models says about its own fold, one after the other.

    samples, folds (N,) int64 and the outcome's rows stand in the same order; models in that of their folds.
    """

    models: tuple[HeldOut, ...]
    samples: tuple[Sample, ...]
    folds: NDArray[np.int64]
    outcome: Outcome

    @property
    def class_codes(self) -> tuple[str, ...]:
        """Codes in the order of the outputs, the same for all models."""
        return self.models[0].manifest.class_codes

    @property
    def first_of_slice(self) -> NDArray[np.bool_]:
        """(N,): one image a slice; every image where the data do not tell copies apart."""
        return np.array([sample.first_of_slice is not False for sample in self.samples])


def out_of_fold(
    models: Sequence[HeldOut],
    samples: Sequence[Sample],
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> OutOfFold:
    """Run every model on its own fold. samples: of all folds; what no model holds out is left aside.

    progress: told how many images of how many are done. Raises DataError where a fold has no image or two
    models, or where a patient stands in two folds.
    """
    refuse_shared_groups(samples)
    _refuse_repeated(models)
    own = [model.of(samples) for model in models]
    outcomes: list[Outcome] = []
    total, done = sum(len(each) for each in own), 0
    for model, chosen in zip(models, own, strict=True):
        predictor = Predictor.load(model.manifest)
        outcomes.append(run(predictor, chosen, seed=seed, progress=onward(progress, done, total)))
        done += len(chosen)
    pooled = tuple(sample for chosen in own for sample in chosen)
    folds = np.array([sample.fold for sample in pooled], np.int64)
    return OutOfFold(tuple(models), pooled, folds, _joined(outcomes))


def report(found: OutOfFold, temperatures: Mapping[int, float], *, seed: int = 0) -> dict[str, Any]:
    """Return {"cross_validation": as `evaluate` reports, of all folds pooled; "per_fold": a summary each}.

    temperatures: by fold, each fitted without that fold; a fold that is not named keeps 1.
    """
    outcome = replace(found.outcome, probabilities=probabilities_of(found, temperatures))
    pooled = {
        "model": " ".join(model.manifest.id for model in found.models),
        "folds": [fold for model in found.models for fold in model.folds],
        **report_of(found.samples, outcome, found.class_codes, seed=seed),
    }
    per_fold = [
        {
            "fold": fold,
            "model": model.manifest.id,
            "temperature": temperatures.get(fold, 1.0),
            **_summary(found, outcome, fold, seed),
        }
        for model in found.models
        for fold in model.folds
    ]
    return {"cross_validation": pooled, "per_fold": per_fold}


def probabilities_of(found: OutOfFold, temperatures: Mapping[int, float]) -> NDArray[np.float64]:
    """Return (N, C): the softmax of the logits, each divided by its fold's temperature, else by 1."""
    divisors = np.array([temperatures.get(int(fold), 1.0) for fold in found.folds])
    shares: NDArray[np.float64] = softmax(found.outcome.logits.astype(np.float64) / divisors[:, None], axis=1)
    return shares


def truth_of(found: OutOfFold) -> NDArray[np.int64]:
    """Return (N,): the index of each image's class among the codes."""
    return np.array([found.class_codes.index(sample.label) for sample in found.samples], np.int64)


def write_out_of_fold(found: OutOfFold, directory: Path, path: Path) -> None:
    """Write one npz, whole or not at all, a row an image: path (below `directory`), fold, label, group, empty
    where unknown, first_of_slice, logits float32 (N, C) before the temperature, embedding float32 (N, D); and
    classes (C,), the codes of the columns.
    """
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        path=np.array([readable(sample.path.relative_to(directory)) for sample in found.samples], np.str_),
        fold=found.folds,
        label=np.array([sample.label for sample in found.samples], np.str_),
        group=np.array([sample.group or "" for sample in found.samples], np.str_),
        first_of_slice=found.first_of_slice,
        logits=found.outcome.logits,
        embedding=found.outcome.embeddings,
        classes=np.array(found.class_codes, np.str_),
    )
    write_whole(path, buffer.getvalue())


def _summary(found: OutOfFold, outcome: Outcome, fold: int, seed: int) -> dict[str, Any]:
    """Images and groups of one fold, and its figures on distinct slices where those are known."""
    rows = np.flatnonzero(found.folds == fold)
    samples = [found.samples[row] for row in rows]
    own = Outcome(
        outcome.probabilities[rows],
        outcome.logits[rows],
        outcome.embeddings[rows],
        [outcome.localisations[row] for row in rows],
    )
    everything = report_of(samples, own, found.class_codes, seed=seed)
    figures = everything.get("distinct", everything)
    return {
        "images": len(samples),
        **{name: figures[name] for name in _SUMMARY},
        "f1": {code: of_class["f1"] for code, of_class in figures["per_class"].items()},
        **({"interval": {"macro_f1": figures["interval"]["macro_f1"]}} if "interval" in figures else {}),
    }


def _joined(outcomes: Sequence[Outcome]) -> Outcome:
    return Outcome(
        np.concatenate([each.probabilities for each in outcomes]),
        np.concatenate([each.logits for each in outcomes]),
        np.concatenate([each.embeddings for each in outcomes]),
        [place for each in outcomes for place in each.localisations],
    )


def _refuse_repeated(models: Sequence[HeldOut]) -> None:
    folds = [fold for model in models for fold in model.folds]
    if len(set(folds)) < len(folds):
        raise DataError(
            "data_invalid", f"Every fold is scored by one model only. Received the folds {sorted(folds)}."
        )
