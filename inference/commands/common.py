"""What several commands share: the model to use, files to read, results to write, progress to tell."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.engines import ENGINES
from inference.errors import ImageError
from inference.files import write_whole
from inference.formats import DecodedImage, read_image
from inference.manifest import default_manifest, load_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference.predictor import Predictor
    from inference.training.data import Sample
    from inference.training.folds import HeldOut


def add_others(parser: argparse.ArgumentParser) -> None:
    """The option of every command that measures the input gate."""
    parser.add_argument(
        "--others",
        type=Path,
        metavar="DIR",
        help="further pictures that are no brain MR, for the gate, in folders that name their kinds",
    )


def add_output(parser: argparse.ArgumentParser, name: str) -> None:
    """Declare where the result goes."""
    parser.add_argument(
        name, required=True, dest="output", metavar="OUT", help="a file, or - for standard output"
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Declare which network is used, by which engine, and by how many threads."""
    parser.add_argument("--model", type=Path, metavar="MANIFEST", help="another model's manifest (JSON)")
    parser.add_argument(
        "--engine", choices=ENGINES, help="default: litert where the model has a compiled form"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)


def load_predictor(options: argparse.Namespace) -> Predictor:
    """Load the network that the options name. The manifest is checked first, so that a typing error is told
    before an engine loads.
    """
    manifest = load_manifest(options.model) if options.model else default_manifest()
    from inference.predictor import Predictor

    return Predictor.load(manifest, options.engine, options.threads)


def add_fold_models(parser: argparse.ArgumentParser) -> None:
    """Declare the images and the models, each of which is scored where it was not trained."""
    parser.add_argument("directory", type=Path, help="what the manifest's paths start from")
    parser.add_argument(
        "--manifest",
        type=Path,
        required=True,
        help="CSV with path, label, fold[, group, first_of_slice, ...]",
    )
    parser.add_argument(
        "--models",
        type=Path,
        nargs="+",
        required=True,
        metavar="MODEL",
        help="manifests (JSON); a model '...-fold<k>' is scored on fold k",
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)


def fold_numbers(text: str) -> tuple[int, ...]:
    """Return the folds in `1,2`; an option's type, whose error argparse tells."""
    try:
        return tuple(int(each) for each in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"folds are numbers with commas between, for instance 0,1; received {text!r}"
        ) from error


def open_folds(options: argparse.Namespace, folds: Sequence[int] = ()) -> tuple[list[HeldOut], list[Sample]]:
    """Return the models, each with the folds it is scored on, and all images.

    folds: of a model not named '...-fold<k>'. Manifests are checked before TensorFlow loads, so that a typing
    error is told at once.
    """
    manifests = [load_manifest(path) for path in options.models]
    from inference.engines.tensorflow import configure
    from inference.training.data import read_samples, refuse_contradictions
    from inference.training.folds import held_out

    models = held_out(manifests, folds)
    samples = read_samples(options.directory, options.manifest, manifests[0].class_codes, tell)
    refuse_contradictions(samples, options.directory)
    configure(options.threads)
    return models, samples


def read_file(path: Path) -> DecodedImage:
    """Return the image in a file. Raises ImageError, file_missing among them."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError("file_missing", f"The file cannot be opened. Received {path.name!r}.") from error
    return read_image(data)


def write_json(output: str, content: Any) -> None:
    """Write `content` as indented JSON."""
    write(output, document(json.dumps(content, indent=2, ensure_ascii=False) + "\n"))


def document(text: str) -> bytes:
    """Return the text as UTF-8. Never fails: a result that took an hour is not lost to one odd name."""
    return text.encode("utf-8", "backslashreplace")


def write(output: str, data: bytes) -> None:
    """Write to a file, whole or not at all, or to standard output for `-`."""
    path = Path(output)
    if output == "-":
        sys.stdout.buffer.write(data)
    elif path.exists() and not path.is_file():
        # A device or a pipe, which nothing may take the place of.
        path.write_bytes(data)
    else:
        write_whole(path, data)


def tell(sentence: str) -> None:
    """Say it on standard error, which takes any character; standard output may be where the result goes."""
    print(sentence, file=sys.stderr)


def progress(done: int, total: int) -> None:
    """Tell on standard error how far it is; twenty lines at most, so that logs stay readable."""
    step = max(1, total // 20)
    if done == total or done % step == 0:
        print(f"{done} of {total} images", file=sys.stderr)
