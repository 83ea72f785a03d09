"""`robustness`: do changes of the file change the answer, and does blanking the lesion?"""

from __future__ import annotations

import argparse

from inference.commands.common import (
    add_fold_models,
    add_output,
    fold_numbers,
    open_folds,
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
    models, samples = open_folds(options, options.folds)
    from inference.training.folds import refuse_shared_groups
    from inference.training.robustness import robustness

    refuse_shared_groups(samples)
    write_json(options.output, robustness(models, samples, progress=progress))
