"""`describe`: what a data set holds, and what in it would flatter a network."""

from __future__ import annotations

import argparse
from pathlib import Path

from inference.commands.common import document, progress, tell, write, write_json


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("describe", help="report on labelled images before anything is trained")
    parser.add_argument(
        "directory",
        type=Path,
        metavar="DIR",
        help="one sub-folder a class, or Training and Testing with one a class in each, or what the "
        "manifest's paths start from",
    )
    parser.add_argument(
        "--manifest", type=Path, metavar="CSV", help="path, label[, split or fold, group, slice, source]"
    )
    parser.add_argument("--html", metavar="OUT", help="the report as a page, or - for standard output")
    parser.add_argument("--json", metavar="OUT", help="the report as JSON, or - for standard output")
    parser.add_argument(
        "--sheets",
        action="store_true",
        help="put sample images into the page: it then holds the data's pictures",
    )
    parser.add_argument("--seed", type=int, default=0, help="which images are drawn for the sheets")
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> None:
    """Describe. What was left out, contradictions, and what train and test share go to standard error too."""
    if not (options.html or options.json):
        options.parser.error("one of --html and --json is needed")
    from inference.files import readable
    from inference.training.description.describe import describe
    from inference.training.description.page import render_page
    from inference.training.description.sheets import draw_samples, thumbnail

    description = describe(options.directory, options.manifest, progress)
    for sentence in description.notices:
        tell(sentence)
    for sentence in description.contradictions:
        tell(f"CONTRADICTION: {sentence}")
    for sentence in description.leaks:
        tell(f"LEAK: {sentence}")
    if options.json:
        write_json(options.json, description.content)
    if options.html:
        drawn = draw_samples(description.readings, options.seed) if options.sheets else {}
        sheets = {code: [thumbnail(reading) for reading in readings] for code, readings in drawn.items()}
        page = render_page(description, readable(options.directory.resolve().name), sheets)
        write(options.html, document(page))
