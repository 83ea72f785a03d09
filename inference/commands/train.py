"""`train`: from a recipe and labelled images to a model that ships."""

from __future__ import annotations

import argparse
from pathlib import Path

from inference.commands.common import progress, tell


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("train", help="train a recipe; goes on where an interrupted run stopped")
    parser.add_argument("recipe", help="name of a shipped recipe, or a TOML file")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the images")
    parser.add_argument(
        "--manifest", type=Path, help="CSV with path, label, fold, ...; default DIR/manifest.csv"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="receives checkpoints and the model"
    )
    parser.add_argument(
        "--fold", type=int, help="leave this fold out instead of the recipe's, for cross-validation"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Train."""
    from inference.training.command import train, train_fold
    from inference.training.recipe import load_recipe

    manifest = options.manifest or options.data / "manifest.csv"
    if options.fold is None:
        train(options.recipe, options.data, manifest, options.out, progress, tell)
    else:
        recipe = load_recipe(options.recipe)
        train_fold(recipe, options.data, manifest, options.fold, options.out, progress, tell)
