"""What a training run is of, so that only the same recipe on the same images resumes or stands in for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from inference.errors import DataError
from inference.files import write_whole
from inference.training.data import Sample
from inference.training.recipe import Recipe, recipe_from_dict

_FILE = "run.json"


def claim(directory: Path, recipe: Recipe, data_digest: str) -> None:
    """Note in `directory` what is trained there; where a run lies there already, it must be of the same.

    data_digest: of the training images, as `Tensors` carries it. Raises DataError run_mismatch.
    """
    path = directory / _FILE
    if path.is_file():
        refuse_other(json.loads(path.read_text("utf-8")), recipe, data_digest)
        return
    directory.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps({"recipe": recipe.as_dict(), "data_digest": data_digest}).encode())


def refuse_other(recorded: Mapping[str, Any], recipe: Recipe, data_digest: str) -> None:
    """Raise DataError run_mismatch unless `recorded` is a run of this recipe on these training images."""
    if not _is_of(recorded["recipe"], recipe):
        raise DataError(
            "run_mismatch",
            "The run that lies there was made by another version of the recipe; use another folder for runs, "
            f"or remove it. Received {recipe.id!r}.",
        )
    if recorded["data_digest"] != data_digest:
        raise DataError(
            "run_mismatch",
            "The run that lies there learned from other images; runs of different data are not mixed. "
            f"Received {recipe.id!r}.",
        )


def digest_of(samples: Sequence[Sample]) -> str:
    """Return the digest of files and labels that `load_tensors` gives, without decoding.

    Raises DataError data_missing.
    """
    digest = hashlib.sha256()
    for sample in samples:
        try:
            sha256 = hashlib.sha256(sample.path.read_bytes()).hexdigest()
        except OSError as error:
            raise DataError("data_missing", f"An image is missing. Received {sample.path.name!r}.") from error
        digest.update(f"{sha256} {sample.label}\n".encode())
    return digest.hexdigest()


def _is_of(recorded: Mapping[str, Any], recipe: Recipe) -> bool:
    """Whether all settings are the same; one that a version before did not know has its default. The title is
    for people.
    """
    try:
        known = recipe_from_dict(recorded)
    except (KeyError, TypeError, ValueError):
        return False
    return replace(known, title=recipe.title) == recipe
