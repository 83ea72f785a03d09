"""`train`: from a recipe and labelled images to a model that ships."""

from __future__ import annotations

import argparse
from pathlib import Path

from inference.commands.common import progress


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
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Train."""
    from inference.training.command import train

    train(
        options.recipe,
        options.data,
        options.manifest or options.data / "manifest.csv",
        options.out,
        progress,
    )
