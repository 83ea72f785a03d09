"""`pack`: everything that a bare machine needs to train a plan, in one folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from inference.commands.common import tell


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "pack", help="put code, images and first weights into a folder that `train-all` trains from anywhere"
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of the images")
    parser.add_argument("--manifest", type=Path, metavar="CSV", help="default: DATA/manifest.csv")
    parser.add_argument("--plan", default="secondread-4", help="name of a shipped plan, or a TOML file")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new or an empty folder")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Pack."""
    from inference.training.packing import pack
    from inference.training.plan import load_plan

    plan = load_plan(options.plan)
    size = pack(plan, options.data, options.manifest or options.data / "manifest.csv", options.out, tell)
    print(f"{size / 1e6:.1f} MB. There: PYTHONPATH=DIR/code python -m inference train-all DIR")
