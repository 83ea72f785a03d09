"""Figures as `crossvalidate`, `gate` and the benchmark write them, small and exact in binary."""

from __future__ import annotations

from typing import Any


def interval(low: float, high: float) -> list[float]:
    return [low, high]


def scaled(ece: float) -> dict[str, Any]:
    return {"ece": ece, "brier": 0.25, "nll": 0.5, "interval": {"ece": interval(0.03125, 0.125)}}


def gate() -> dict[str, Any]:
    verdict = {"share": {"mean": 0.25, "interval": interval(0.125, 0.375)}, "accuracy": {"mean": 0.75}}
    fold = {"fold": 4, "n": 9, "auroc": 0.9921875, "real_refused": 0.0, "out_of_domain_accepted": 0.125}
    thresholds = {"refuse_above": 2.5, "uncertain_above": 1.5, "uncertain_below_confidence": 0.875}
    shares = {"auroc": 0.9921875, "accepted": 0.0, "uncertain": 0.25, "refused": 0.75}
    return {
        "slices": 9,
        "out_of_domain_pictures": 3,
        "out_of_domain_sources": 2,
        "auroc": 0.9921875,
        "interval": {"auroc": interval(0.984375, 1.0)},
        "real": {"accepted": verdict, "uncertain": verdict, "refused": {"share": verdict["share"]}},
        "out_of_domain": {name: {"share": {"mean": 0.125}} for name in ("accepted", "uncertain", "refused")},
        "per_kind": {"text": {"n": 3, "sources": 2, **shares}},
        "coverage": [{"coverage": 0.9, "n": 8, "confidence_at_least": 0.625, "accuracy": {"mean": 1.0}}],
        "per_fold": [{**fold, **thresholds}],
        "thresholds": thresholds,
        "shipped": {"n": 3, "accepted": 0, "uncertain": 1, "refused": 2},
    }


def speed() -> dict[str, Any]:
    way = {"way": "one by one", "milliseconds_an_image": 5.5, "times_ours": 1.25}
    return {"threads": 1, "batch": 8, "rounds": 9, "ways": [way]}
