"""`gate`: does the input gate refuse what is no brain MR slice, and when is an answer sure?"""

from __future__ import annotations

import argparse

from inference.commands.common import (
    add_fold_models,
    add_others,
    add_output,
    open_folds,
    progress,
    write_json,
)


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "gate", help="measure the input gate on held-out slices and on pictures that are no brain MR"
    )
    add_fold_models(parser)
    add_others(parser)
    add_output(parser, "--json")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measure."""
    models, samples = open_folds(options)
    from inference.training.gate_report import gate_report
    from inference.training.out_of_domain import out_of_domain_pictures

    pictures = out_of_domain_pictures(options.others)
    write_json(options.output, gate_report(models, samples, pictures, progress=progress))
