"""How well the input gate tells brain MR slices from everything else, and the sure answers from the unsure.

Nothing is scored by what it was fitted on: each fold's gate is fitted on the training images of the network
that did not see the fold, and its thresholds and temperature on the slices of the other folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import roc_auc_score

from inference.gate import ACCEPTED, REFUSED, UNCERTAIN, Gate
from inference.predictor import Predictor
from inference.training.calibration import cross_fitted
from inference.training.crossvalidation import OutOfFold, out_of_fold, probabilities_of, truth_of
from inference.training.data import Sample, read_pixels
from inference.training.folds import HeldOut
from inference.training.gating import Answers, Thresholds, answers, distances_from, fit_gate, thresholds_of
from inference.training.intervals import interval_of
from inference.training.means import DRAWS, known_groups, mean_of
from inference.training.out_of_domain import OutOfDomain
from inference.training.progress import Progress, onward, silent

_VERDICTS = (ACCEPTED, UNCERTAIN, REFUSED)
_COVERAGES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.7, 0.5)
# Distances only, before there are thresholds.
_OPEN = Thresholds(np.inf, np.inf, 0.0)


@dataclass(frozen=True, eq=False)
class _Fold:
    """One model: its gate, where its own fold's slices stand among all, and its answers to what is none."""

    number: int
    gate: Gate
    rows: NDArray[np.int64]
    out_of_domain: Answers


def gate_report(
    models: Sequence[HeldOut],
    samples: Sequence[Sample],
    out_of_domain: Sequence[OutOfDomain],
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Return the gate's figures, ready for JSON, and under `thresholds` those that ship, of all folds.

    One image a slice is scored. Raises DataError as `out_of_fold` does, and where there is one fold only.
    """
    distinct = [sample for sample in samples if sample.first_of_slice is not False]
    scored = sum(len(model.of(distinct)) for model in models)
    # Each model looks at its own fold's slices, those that it learned from, and every out-of-domain picture.
    total = len(models) * (len(distinct) + len(out_of_domain))
    found = out_of_fold(models, distinct, seed=seed, progress=onward(progress, 0, total))
    folds: list[_Fold] = []
    done = scored
    for model in models:
        steps = len(distinct) - len(model.of(distinct)) + len(out_of_domain)
        folds.append(_fold(model, found, distinct, out_of_domain, onward(progress, done, total)))
        done += steps
    return _report(found, folds, out_of_domain, seed)


def _fold(
    model: HeldOut,
    found: OutOfFold,
    samples: Sequence[Sample],
    out_of_domain: Sequence[OutOfDomain],
    progress: Progress,
) -> _Fold:
    predictor = Predictor.load(model.manifest)
    seen = [read_pixels(sample)[0] for sample in samples if sample.fold not in model.folds]
    both = len(seen) + len(out_of_domain)
    learned = answers(predictor, seen, onward(progress, 0, both))
    others = answers(predictor, [each.pixels for each in out_of_domain], onward(progress, len(seen), both))
    rows = np.flatnonzero(np.isin(found.folds, model.folds))
    return _Fold(model.folds[0], fit_gate(learned.embeddings, _OPEN), rows, others)


def _report(
    found: OutOfFold, folds: Sequence[_Fold], out_of_domain: Sequence[OutOfDomain], seed: int
) -> dict[str, Any]:
    temperatures = cross_fitted(found)
    probabilities = probabilities_of(found, temperatures)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth_of(found)
    distances = np.zeros(len(found.samples))
    for each in folds:
        distances[each.rows] = distances_from(each.gate, found.outcome.embeddings[each.rows])
    far = np.stack([distances_from(each.gate, each.out_of_domain.embeddings) for each in folds])

    real_verdicts = np.full(len(found.samples), "", "U16")
    out_of_domain_verdicts = np.full(far.shape, "", "U16")
    of_folds = []
    for index, each in enumerate(folds):
        others = np.setdiff1d(np.arange(len(found.samples)), each.rows)
        thresholds = thresholds_of(distances[others], confidence[others], right[others])
        gate = Gate(each.gate.mean, each.gate.whitening, **asdict(thresholds))
        real_verdicts[each.rows] = verdicts(
            gate, found.outcome.embeddings[each.rows], probabilities[each.rows]
        )
        shares = softmax(each.out_of_domain.logits.astype(np.float64) / temperatures[each.number], axis=1)
        out_of_domain_verdicts[index] = verdicts(gate, each.out_of_domain.embeddings, shares)
        of_folds.append(
            {
                "fold": each.number,
                "n": len(each.rows),
                "auroc": _auroc(distances[each.rows], far[index]),
                "real_refused": float((real_verdicts[each.rows] == REFUSED).mean()),
                "out_of_domain_accepted": float((out_of_domain_verdicts[index] == ACCEPTED).mean()),
                **asdict(thresholds),
            }
        )
    groups = known_groups([sample.group for sample in found.samples])
    sources = [each.source for each in out_of_domain]
    kinds = np.array([each.kind for each in out_of_domain])
    return {
        "slices": len(found.samples),
        "out_of_domain_pictures": len(out_of_domain),
        "out_of_domain_sources": len(set(sources)),
        "auroc": _auroc(distances, far.ravel()),
        **({"interval": {"auroc": _auroc_interval(distances, far, groups, sources, seed)}} if groups else {}),
        "real": _shares(real_verdicts, groups, seed, right),
        "out_of_domain": _out_of_domain_shares(out_of_domain_verdicts, sources, seed),
        "per_kind": {
            str(kind): {
                "n": int((kinds == kind).sum()),
                "sources": len({each.source for each in out_of_domain if each.kind == kind}),
                "auroc": _auroc(distances, far[:, kinds == kind].ravel()),
                **{
                    name: float((out_of_domain_verdicts[:, kinds == kind] == name).mean())
                    for name in _VERDICTS
                },
            }
            for kind in np.unique(kinds)
        },
        "coverage": _coverage(confidence, right, groups, seed),
        "per_fold": of_folds,
        "thresholds": asdict(thresholds_of(distances, confidence, right)),
    }


def verdict_counts(gate: Gate, found: Answers, temperature: float) -> dict[str, int]:
    """Return how often the gate gives each verdict on what a network said."""
    shares = softmax(found.logits.astype(np.float64) / temperature, axis=1)
    given = verdicts(gate, found.embeddings, shares)
    return {"n": len(given), **{name: int((given == name).sum()) for name in _VERDICTS}}


def verdicts(
    gate: Gate, embeddings: NDArray[np.float32], probabilities: NDArray[np.float64]
) -> NDArray[np.str_]:
    """Return (N,): the verdict on each picture. embeddings: (N, D). probabilities: (N, C), calibrated."""
    judged = zip(embeddings, probabilities, strict=True)
    return np.array([gate.judge(embedding, shares).verdict for embedding, shares in judged], "U16")


def _auroc(real: NDArray[np.float64], foreign: NDArray[np.float64]) -> float:
    """The chance that an out-of-domain picture lies farther than a slice."""
    truth = np.concatenate([np.zeros(len(real)), np.ones(len(foreign))])
    return float(roc_auc_score(truth, np.concatenate([real, foreign])))


def _auroc_interval(
    real: NDArray[np.float64],
    foreign: NDArray[np.float64],
    groups: Sequence[str],
    sources: Sequence[str],
    seed: int,
) -> list[float]:
    """Groups of slices and sources of out-of-domain pictures are drawn, both with replacement."""
    rng = np.random.default_rng(seed)
    truth = np.concatenate([np.zeros(len(real)), np.ones(foreign.size)])
    distances = np.concatenate([real, foreign.ravel()])
    drawn = []
    for _ in range(DRAWS):
        times = np.concatenate([_times(groups, rng), np.tile(_times(sources, rng), len(foreign))])
        drawn.append(roc_auc_score(truth, distances, sample_weight=times))
    return interval_of(np.array(drawn))


def _times(groups: Sequence[str], rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each member counts in one draw of whole groups."""
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    picks = rng.integers(0, len(names), len(names))
    times: NDArray[np.float64] = np.bincount(picks, minlength=len(names)).astype(np.float64)[member]
    return times


def _shares(
    verdicts: NDArray[np.str_], groups: Sequence[str] | None, seed: int, right: NDArray[np.bool_]
) -> dict[str, Any]:
    """By verdict: its share of the slices and, of those, the share whose class is right."""
    shares: dict[str, Any] = {}
    for name in _VERDICTS:
        own = verdicts == name
        shares[name] = {"share": mean_of(own, groups, seed=seed)}
        if own.any():
            of_own = [group for group, one in zip(groups, own, strict=True) if one] if groups else None
            shares[name]["accuracy"] = mean_of(right[own], of_own, seed=seed)
    return shares


def _out_of_domain_shares(verdicts: NDArray[np.str_], sources: Sequence[str], seed: int) -> dict[str, Any]:
    """By verdict: its share of the out-of-domain pictures, each judged by every fold's gate."""
    return {
        name: {"share": mean_of((verdicts == name).mean(axis=0), sources, seed=seed)} for name in _VERDICTS
    }


def _coverage(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], groups: Sequence[str] | None, seed: int
) -> list[dict[str, Any]]:
    """The most confident share of the slices, its least confidence, and how many of it are right."""
    order = np.argsort(-confidence, kind="stable")
    curve = []
    for coverage in _COVERAGES:
        chosen = order[: max(1, round(coverage * len(order)))]
        own = [groups[index] for index in chosen] if groups else None
        curve.append(
            {
                "coverage": coverage,
                "n": len(chosen),
                "confidence_at_least": float(confidence[chosen[-1]]),
                "accuracy": mean_of(right[chosen], own, seed=seed),
            }
        )
    return curve
