"""`evaluate`: every figure of a network on labelled images."""

from __future__ import annotations

import argparse
from pathlib import Path

from inference.commands.common import (
    add_model,
    add_output,
    fold_numbers,
    load_predictor,
    progress,
    tell,
    write_json,
)
from inference.errors import DataError


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("evaluate", help="measure a network on labelled images")
    parser.add_argument(
        "directory", type=Path, help="one sub-folder a class, or what the manifest's paths start from"
    )
    parser.add_argument(
        "--manifest", type=Path, help="CSV with path, label[, group, first_of_slice, x0, y0, x1, y1]"
    )
    parser.add_argument(
        "--folds", type=fold_numbers, help="only these folds of the manifest, for instance 0 or 1,2"
    )
    add_output(parser, "--json")
    add_model(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Evaluate."""
    predictor = load_predictor(options)
    from inference.training.data import read_samples, refuse_contradictions
    from inference.training.evaluation import evaluate

    samples = read_samples(options.directory, options.manifest, predictor.manifest.class_codes, tell)
    if options.folds:
        samples = [sample for sample in samples if sample.fold in options.folds]
        if not samples:
            raise DataError("data_missing", f"No image is in these folds. Received {list(options.folds)}.")
    refuse_contradictions(samples, options.directory)
    write_json(options.output, evaluate(predictor, samples, progress=progress))
