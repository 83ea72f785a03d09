"""`robustness`: do changes of the file change the answer, and does blanking the lesion?"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from inference.commands.common import add_output, progress, write_json
from inference.manifest import Manifest, load_manifest


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "robustness", help="measure flips under harmless changes, and what blanking the lesion does"
    )
    add_fold_models(parser)
    parser.add_argument(
        "--folds",
        type=fold_numbers,
        default=(),
        help="where to score a model not named '...-fold<k>', for instance 0 or 1,2",
    )
    add_output(parser, "--json")
    parser.set_defaults(run=run)


def add_fold_models(parser: argparse.ArgumentParser) -> None:
    """Declare the images and the models, each of which is scored where it was not trained."""
    parser.add_argument("directory", type=Path, help="what the manifest's paths start from")
    parser.add_argument(
        "--manifest",
        type=Path,
        required=True,
        help="CSV with path, label, fold[, group, first_of_slice, ...]",
    )
    parser.add_argument(
        "--models",
        type=Path,
        nargs="+",
        required=True,
        metavar="MODEL",
        help="manifests (JSON); a model '...-fold<k>' is scored on fold k",
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)


def fold_numbers(text: str) -> tuple[int, ...]:
    """Return the folds in `1,2`. Raises ValueError, which argparse tells."""
    return tuple(int(each) for each in text.split(","))


def fold_manifests(options: argparse.Namespace) -> list[Manifest]:
    """Check every manifest before TensorFlow loads, so that a typing error is told at once."""
    return [load_manifest(path) for path in options.models]


def run(options: argparse.Namespace) -> None:
    """Measure."""
    manifests = fold_manifests(options)
    from inference.predictor import configure_tensorflow
    from inference.training.data import read_samples
    from inference.training.folds import held_out, refuse_shared_groups
    from inference.training.robustness import robustness

    models = held_out(manifests, options.folds)
    samples = read_samples(options.directory, options.manifest, manifests[0].class_codes)
    refuse_shared_groups(samples)
    configure_tensorflow(options.threads)
    write_json(options.output, robustness(models, samples, tick=progress))
