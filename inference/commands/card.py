"""`card`: the model card of a manifest, as Markdown."""

from __future__ import annotations

import argparse
from pathlib import Path

from inference.commands.common import add_output, document, write
from inference.manifest import default_manifest, load_manifest


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("card", help="write a model's card from its manifest")
    parser.add_argument("--model", type=Path, metavar="MANIFEST", help="another model's manifest (JSON)")
    add_output(parser, "--out")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write."""
    from inference.training.card import model_card

    manifest = load_manifest(options.model) if options.model else default_manifest()
    write(options.output, document(model_card(manifest)))
