"""From a trained model and what was measured of its recipe to the model that ships."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from inference.engines.conversion import compiled
from inference.errors import DataError
from inference.files import write_whole
from inference.fingerprints import FingerprintSet, fingerprint
from inference.manifest import Compiled, Manifest, verify_weights
from inference.networks import build_network, load_weights, weights_to_bytes
from inference.predictor import Predictor
from inference.training.data import Sample, read_pixels
from inference.training.exams import template_report
from inference.training.export import rounded
from inference.training.gate_report import verdict_counts
from inference.training.gating import Thresholds, answers, fit_gate
from inference.training.out_of_domain import OutOfDomain
from inference.training.progress import Progress, silent
from inference.training.run_record import digest_of


def publish(
    manifest: Manifest,
    samples: Sequence[Sample],
    figures: Mapping[str, Any],
    known_failures: Sequence[str],
    out_of_domain: Sequence[OutOfDomain],
    directory: Path,
    *,
    progress: Progress = silent,
) -> Path:
    """Write the model as it ships, weights first, and return its manifest's path.

    samples: of all folds, from which those that the manifest says it was trained on are taken; their hashes
    and the gate around them go into the model. figures: by name, what `crossvalidate`, `gate` and the other
    commands wrote; the temperature is taken from `calibration` and the thresholds from `gate`. out_of_domain:
    no slices; what the gate that ships makes of them goes into the figures. Raises DataError where figures
    are not there or the images are not those of the training.
    """
    trained = _trained_on(manifest, samples)
    temperature = float(_part(figures, "calibration", "temperature"))
    thresholds = Thresholds(**_part(figures, "gate", "thresholds"))
    pixels = [read_pixels(sample)[0] for sample in trained]
    distinct = [
        each for each, sample in zip(pixels, trained, strict=True) if sample.first_of_slice is not False
    ]
    predictor = Predictor.load(replace(manifest, gate=None))
    gate = fit_gate(answers(predictor, distinct, progress).embeddings, thresholds)
    shipped = verdict_counts(gate, answers(predictor, [each.pixels for each in out_of_domain]), temperature)
    template = template_report(Predictor(replace(manifest, temperature=temperature), predictor.engine, gate))
    gate_figures = {**figures["gate"], "shipped": shipped, "template": template}
    measured = {**manifest.training["figures"], **figures, "gate": gate_figures}

    model = build_network(manifest.network, manifest.input_size, len(manifest.classes))
    load_weights(model, verify_weights(manifest).read_bytes())
    weights = weights_to_bytes(model, gate.as_arrays())
    form = compiled(model, manifest.network)
    directory.mkdir(parents=True, exist_ok=True)
    if form is not None:
        write_whole(directory / f"{manifest.id}.tflite", form)
    published = replace(
        manifest,
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        temperature=temperature,
        gate=gate.as_settings(),
        compiled=Compiled(f"{manifest.id}.tflite", hashlib.sha256(form).hexdigest()) if form else None,
        training_images=FingerprintSet.of(fingerprint(each) for each in pixels).as_manifest(),
        training={
            **manifest.training,
            "figures": rounded(measured),
            "known_failures": list(known_failures),
        },
        directory=directory,
    )
    write_whole(directory / manifest.weights_file, weights)
    path = directory / f"{manifest.id}.json"
    write_whole(path, (json.dumps(published.as_dict(), indent=2) + "\n").encode())
    return path


def _trained_on(manifest: Manifest, samples: Sequence[Sample]) -> list[Sample]:
    split = manifest.training.get("split", {})
    folds = split.get("training", {}).get("folds", [])
    trained = [sample for sample in samples if sample.fold in folds]
    if not trained:
        raise DataError(
            "data_missing", f"No image is in the folds that the model learned from. Received folds {folds}."
        )
    if digest_of(trained) != manifest.training["data_digest"]:
        raise DataError(
            "data_invalid",
            f"The images are not those that {manifest.id!r} learned from. Received another digest of theirs.",
        )
    return trained


def _part(figures: Mapping[str, Any], name: str, key: str) -> Any:
    try:
        return figures[name][key]
    except KeyError as error:
        raise DataError(
            "data_missing", f"What ships needs {key!r} as `{name}` measured it. Received figures without it."
        ) from error
