"""`predict`: class and probabilities of image files; a bad file is a record, not an abort."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.commands.common import add_model, add_output, load_predictor, read_file, write_json
from inference.errors import InferenceError
from inference.files import readable

if TYPE_CHECKING:
    from inference.predictor import Predictor


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("predict", help="class and probabilities of image files")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    add_output(parser, "--json")
    add_model(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Predict."""
    predictor = load_predictor(options)
    write_json(options.output, [_record(path, predictor) for path in options.files])


def _record(path: Path, predictor: Predictor) -> dict[str, Any]:
    """One file's record: label, probabilities and the gate's verdict, or what is wrong, as code and sentence.

    `gate` is null where the model has no input gate.
    """
    record: dict[str, Any] = {"file": readable(path), "model": predictor.manifest.id}
    try:
        result = predictor.predict([read_file(path).pixels])[0]
    except InferenceError as error:
        return {**record, "error": {"code": error.code, "message": error.message}}
    probabilities = dict(zip(result.class_codes, result.probabilities, strict=True))
    gate = asdict(result.gate) if result.gate else None
    return {**record, "label": result.predicted, "probabilities": probabilities, "gate": gate}
