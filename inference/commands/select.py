"""`select`: candidates trained or loaded, compared on patients not learned from, and one of them chosen."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from inference.commands.common import add_output, document, fold_numbers, progress, tell, write, write_json

if TYPE_CHECKING:
    from inference.training.comparison import Comparison
    from inference.training.selection import Experiment


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "select", help="compare recipes by cross-validation; interrupted runs go on, finished ones are loaded"
    )
    parser.add_argument("directory", type=Path, help="what the manifest's paths start from")
    parser.add_argument(
        "--manifest",
        type=Path,
        help="CSV with path, label, fold, group[, slice, first_of_slice]; default DIR/manifest.csv",
    )
    parser.add_argument(
        "--recipes", nargs="+", required=True, metavar="RECIPE", help="names of shipped ones, or TOML files"
    )
    parser.add_argument(
        "--folds", type=fold_numbers, help="score on these folds, for instance 0 or 0,1; default: on all"
    )
    parser.add_argument(
        "--runs", type=Path, required=True, metavar="DIR", help="holds checkpoints and the model of each fold"
    )
    add_output(parser, "--json")
    parser.add_argument("--markdown", metavar="OUT", help="also write the tables as Markdown")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="also write plots as PNG")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Compare and choose."""
    from inference.training.comparison_table import comparison_as_dict, comparison_as_markdown
    from inference.training.selection import load_recipes, open_experiment, select

    recipes = load_recipes(options.recipes)
    experiment = open_experiment(
        options.directory, options.manifest or options.directory / "manifest.csv", options.runs, tell
    )
    folds = options.folds or experiment.folds
    # Keras tells of its epochs on standard output, which may be where the result goes.
    with contextlib.redirect_stdout(sys.stderr):
        comparison = select(recipes, experiment, folds, tell=tell, progress=progress)
    if options.plots:
        _plot(comparison, experiment, options.plots)
    if options.markdown:
        write(options.markdown, document(comparison_as_markdown(comparison, _command(options, folds))))
    write_json(options.output, comparison_as_dict(comparison))


def _plot(comparison: Comparison, experiment: Experiment, directory: Path) -> None:
    from inference.training.plots import as_png, comparison_figure, history_figure

    directory.mkdir(parents=True, exist_ok=True)
    write(str(directory / "comparison.png"), as_png(comparison_figure(comparison)))
    for row in comparison.rows:
        histories = {model.fold: experiment.history(model.run) for model in row.candidate.models}
        known = {fold: history for fold, history in histories.items() if history}
        if known:
            write(
                str(directory / f"{row.candidate.recipe}.png"),
                as_png(history_figure(row.candidate.title, known)),
            )


def _command(options: argparse.Namespace, folds: Sequence[int]) -> str:
    """The command as a reader would give it; folders of this machine stay out of it."""
    recipes = shlex.join(Path(name).name for name in options.recipes)
    said = ",".join(str(fold) for fold in folds)
    return f"python -m inference select $DATA --recipes {recipes} --folds {said} --runs RUNS --json OUT.json"
