"""`gate`: does the input gate refuse what is no brain MR slice, and when is an answer sure?"""

from __future__ import annotations

import argparse

from inference.commands.common import add_fold_models, add_output, fold_manifests, progress, write_json


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "gate", help="measure the input gate on held-out slices and on pictures that are no brain MR"
    )
    add_fold_models(parser)
    add_output(parser, "--json")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measure."""
    manifests = fold_manifests(options)
    from inference.predictor import configure_tensorflow
    from inference.training.data import read_samples
    from inference.training.folds import held_out
    from inference.training.foreign import foreign_pictures
    from inference.training.gate_report import gate_report

    models = held_out(manifests)
    samples = read_samples(options.directory, options.manifest, manifests[0].class_codes)
    foreign = foreign_pictures()
    configure_tensorflow(options.threads)
    write_json(options.output, gate_report(models, samples, foreign, tick=progress))
