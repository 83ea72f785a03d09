"""`unpack`: the model that ships from a pack whose trainings are complete, measured and with its card."""

from __future__ import annotations

import argparse
from pathlib import Path

from inference.commands.common import add_others, progress, tell
from inference.files import readable


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "unpack", help="measure what `train-all` trained, and write the model that ships, with its card"
    )
    parser.add_argument("pack", type=Path, metavar="DIR", help="what `pack` wrote and `train-all` trained")
    parser.add_argument("--out", type=Path, required=True, metavar="OUT", help="gets model, figures and card")
    parser.add_argument(
        "--members", nargs="+", default=(), metavar="RECIPE", help="only these of the plan; default: all"
    )
    parser.add_argument(
        "--straight", action="store_true", help="without the mirror images, which halves the time"
    )
    add_others(parser)
    parser.add_argument("--threads", type=int, default=1)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Unpack."""
    from inference.engines.tensorflow import configure
    from inference.training.out_of_domain import out_of_domain_pictures
    from inference.training.train_all import open_pack
    from inference.training.unpacking import choose, unpack

    configure(options.threads)
    pack = open_pack(options.pack)
    chosen = choose(pack, options.members, straight=options.straight)
    pictures = out_of_domain_pictures(options.others)
    path = unpack(pack, chosen, options.out, pictures, progress=progress, tell=tell)
    print(readable(path))
