"""The command line, `python -m inference COMMAND`. Needs no Django and no database."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from inference.commands import (
    card,
    crossvalidate,
    describe,
    evaluate,
    explain,
    gate,
    pack,
    predict,
    publish,
    robustness,
    select,
    train,
    train_all,
    unpack,
)
from inference.errors import InferenceError

_COMMANDS = (
    describe,
    train,
    pack,
    train_all,
    unpack,
    select,
    evaluate,
    crossvalidate,
    robustness,
    gate,
    publish,
    predict,
    explain,
    card,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0, or 2 with a sentence on standard error where something cannot be done."""
    parser = argparse.ArgumentParser(
        prog="python -m inference", description="Describe data; train, measure and use the networks."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except InferenceError as error:
        print(f"{error.code}: {error.message}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"output_failed: The result could not be written: {error.strerror}.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
