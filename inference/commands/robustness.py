"""`robustness`: do changes of the file change the answer, and does blanking the lesion?"""

from __future__ import annotations

import argparse

from inference.commands.common import (
    add_fold_models,
    add_output,
    fold_manifests,
    fold_numbers,
    progress,
    write_json,
)


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
