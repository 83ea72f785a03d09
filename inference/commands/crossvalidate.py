"""`crossvalidate`: models, each on the fold that it did not see, and the figures of all folds together."""

from __future__ import annotations

import argparse
from pathlib import Path

from inference.commands.common import add_fold_models, add_output, open_folds, progress, write_json


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "crossvalidate", help="measure models on the folds that they did not see, pooled"
    )
    add_fold_models(parser)
    parser.add_argument(
        "--oof", type=Path, metavar="NPZ", help="also write every image's logits and embedding"
    )
    add_output(parser, "--json")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measure."""
    models, samples = open_folds(options)
    from inference.training.calibration import calibration, cross_fitted
    from inference.training.crossvalidation import out_of_fold, report, write_out_of_fold
    from inference.training.exams import exam_report

    found = out_of_fold(models, samples, progress=progress)
    if options.oof:
        write_out_of_fold(found, options.directory, options.oof)
    # With one fold there are no others that a temperature could be fitted on.
    several = len(set(found.folds.tolist())) > 1
    temperatures = cross_fitted(found) if several else {}
    figures = report(found, temperatures)
    if several:
        figures["calibration"] = calibration(found)
    if (exams := exam_report(found, temperatures)) is not None:
        figures["exams"] = exams
    write_json(options.output, figures)
