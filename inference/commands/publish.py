"""`publish`: a trained model, its calibration, gate, hashes and figures, as one that ships."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from inference.commands.common import add_others, progress, tell
from inference.errors import DataError
from inference.files import readable
from inference.manifest import load_manifest


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "publish", help="bind temperature, gate, hashes of the training images and figures to a trained model"
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="the manifest (JSON) that `train` wrote")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="what it was trained on")
    parser.add_argument("--manifest", type=Path, metavar="CSV", help="default: DIR/manifest.csv")
    parser.add_argument(
        "--cross-validation", type=Path, required=True, metavar="JSON", help="what `crossvalidate` wrote"
    )
    parser.add_argument("--gate", type=Path, required=True, metavar="JSON", help="what `gate` wrote")
    parser.add_argument("--robustness", type=Path, metavar="JSON", help="what `robustness` wrote")
    parser.add_argument("--candidates", type=Path, metavar="JSON", help="what `select` wrote")
    parser.add_argument(
        "--speed", type=Path, metavar="JSON", help="what docs/benchmarks/explain.py wrote, of this network"
    )
    parser.add_argument(
        "--known-failures", type=Path, metavar="TXT", help="sentences for the model card, one a line"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="gets the weights and manifest"
    )
    add_others(parser)
    parser.add_argument("--threads", type=int, default=1)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Publish."""
    manifest = load_manifest(options.model)
    figures = _read(options.cross_validation)
    for name in ("gate", "robustness", "candidates", "speed"):
        if path := getattr(options, name):
            figures[name] = _read(path)
    failures = options.known_failures.read_text("utf-8").splitlines() if options.known_failures else []
    from inference.engines.tensorflow import configure
    from inference.training.data import read_samples
    from inference.training.out_of_domain import out_of_domain_pictures
    from inference.training.publishing import publish

    configure(options.threads)
    samples = read_samples(
        options.data, options.manifest or options.data / "manifest.csv", manifest.class_codes, tell
    )
    sentences = [line for line in failures if line.strip()]
    out_of_domain = out_of_domain_pictures(options.others)
    path = publish(manifest, samples, figures, sentences, out_of_domain, options.out, progress=progress)
    print(readable(path))


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            "data_missing",
            f"The figures must be a JSON file as the commands write it. Received {path.name!r}.",
        ) from error
    if not isinstance(found, dict):
        raise DataError("data_invalid", f"The figures must be a JSON object. Received {path.name!r}.")
    return found
