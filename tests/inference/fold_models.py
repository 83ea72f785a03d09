"""Tiny models that say which fold they did not see."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tests.inference.tiny import manifest_fields, tiny_model, weights_to_bytes


def write_two_folds(directory: Path) -> list[Path]:
    """Write one model for each of the folds 0 and 1 of `tiny.write_cohort`."""
    return [
        write_fold_model(directory, "tiny-fold0", training=[1], seed=5),
        write_fold_model(directory, "tiny-fold1", training=[0], seed=6),
    ]


def write_fold_model(
    directory: Path, name: str, *, training: Sequence[int] | None, seed: int = 5, codes: Sequence[str] = ()
) -> Path:
    """Write a tiny model trained on these folds (None: it does not say); returns its manifest's path."""
    weights = weights_to_bytes(tiny_model(seed=seed))
    fields = manifest_fields(weights, **({"codes": tuple(codes)} if codes else {}))
    fields |= {"id": name, "weights_file": f"{name}.npz"}
    if training is not None:
        fields["training"]["split"] = {"training": {"folds": list(training)}}
    (directory / f"{name}.npz").write_bytes(weights)
    path = directory / f"{name}.json"
    path.write_text(json.dumps(fields), "utf-8")
    return path
