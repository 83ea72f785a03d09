"""The command line: `python -m inference train | evaluate | predict | explain`. Needs no Django and
no database.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference.errors import ImageError, InferenceError
from inference.formats import DecodedImage, read_image
from inference.heatmaps import COLOUR_MAPS, overlay_png
from inference.manifest import Manifest, default_manifest, load_manifest
from inference.preprocessing import letterbox


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0, or 2 with a sentence on standard error where something cannot be done."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except InferenceError as error:
        print(f"{error.code}: {error.message}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"output_failed: The result could not be written: {error.strerror}.", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m inference", description="Train, measure and use the networks."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="train a recipe; goes on where an interrupted run stopped")
    train.add_argument("recipe", help="name of a shipped recipe, or a TOML file")
    train.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the images")
    train.add_argument(
        "--manifest", type=Path, help="CSV with path, label, fold, ...; default DIR/manifest.csv"
    )
    train.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="receives checkpoints and the model"
    )
    train.set_defaults(run=_train)

    evaluate = commands.add_parser("evaluate", help="measure a network on labelled images")
    evaluate.add_argument(
        "directory", type=Path, help="one sub-folder a class, or what the manifest's paths start from"
    )
    evaluate.add_argument(
        "--manifest", type=Path, help="CSV with path, label[, group, first_of_slice, x0, y0, x1, y1]"
    )
    evaluate.add_argument("--folds", help="only these folds of the manifest, for instance 0 or 1,2")
    _add_common(evaluate, "--json")
    evaluate.set_defaults(run=_evaluate)

    predict = commands.add_parser("predict", help="class and probabilities of image files")
    predict.add_argument("files", nargs="+", type=Path, metavar="FILE")
    _add_common(predict, "--json")
    predict.set_defaults(run=_predict)

    explain = commands.add_parser("explain", help="write a slice under its heat map as PNG")
    explain.add_argument("file", type=Path, metavar="FILE")
    explain.add_argument("--layer", help="default: the last one")
    explain.add_argument("--class", dest="class_code", help="default: the predicted one")
    explain.add_argument("--opacity", type=float, default=0.5)
    explain.add_argument("--colour-map", choices=tuple(COLOUR_MAPS), default=next(iter(COLOUR_MAPS)))
    _add_common(explain, "--out")
    explain.set_defaults(run=_explain)
    return parser


def _add_common(parser: argparse.ArgumentParser, output: str) -> None:
    parser.add_argument(
        output, required=True, dest="output", metavar="OUT", help="a file, or - for standard output"
    )
    parser.add_argument("--model", type=Path, metavar="MANIFEST", help="another model's manifest (JSON)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)


def _train(options: argparse.Namespace) -> None:
    from inference.training.command import train

    train(
        options.recipe,
        options.data,
        options.manifest or options.data / "manifest.csv",
        options.out,
        _progress,
    )


def _evaluate(options: argparse.Namespace) -> None:
    from inference.errors import DataError
    from inference.training.data import read_samples
    from inference.training.evaluation import evaluate

    predictor = _predictor(options)
    samples = read_samples(options.directory, options.manifest, predictor.manifest.class_codes)
    if options.folds:
        wanted = set(options.folds.split(","))
        samples = [sample for sample in samples if str(sample.fold) in wanted]
        if not samples:
            raise DataError("data_missing", f"No image is in these folds. Received {options.folds!r}.")
    _write_json(options.output, evaluate(predictor, samples, tick=_progress))


def _predict(options: argparse.Namespace) -> None:
    predictor = _predictor(options)
    _write_json(options.output, [_record(path, predictor) for path in options.files])


def _record(path: Path, predictor: Any) -> dict[str, Any]:
    """One file's record: label and probabilities, or the code and sentence of what is wrong with it.

    `gate` is null: this model has no input gate.
    """
    record: dict[str, Any] = {"file": str(path), "model": predictor.manifest.id}
    try:
        result = predictor.predict([_read(path).pixels])[0]
    except InferenceError as error:
        return {**record, "error": {"code": error.code, "message": error.message}}
    probabilities = dict(zip(result.class_codes, result.probabilities, strict=True))
    return {**record, "label": result.predicted, "probabilities": probabilities, "gate": None}


def _explain(options: argparse.Namespace) -> None:
    predictor = _predictor(options)
    manifest: Manifest = predictor.manifest
    layer = _choice("layer", options.layer or manifest.layer_names[-1], manifest.layer_names)
    if options.class_code:
        _choice("class", options.class_code, manifest.class_codes)
    image = _read(options.file)
    result = predictor.predict([image.pixels])[0]
    index = manifest.class_codes.index(options.class_code or result.predicted)
    place = letterbox(image.width, image.height)
    values = result.maps.values[layer][index]
    _write(options.output, overlay_png(image.pixels, values, place, options.opacity, options.colour_map))


def _choice(kind: str, wanted: str, known: Sequence[str]) -> str:
    if wanted not in known:
        raise InferenceError(
            f"{kind}_unknown",
            f"The network has no such {kind}; it has {', '.join(known)}. Received {wanted!r}.",
        )
    return wanted


def _predictor(options: argparse.Namespace) -> Any:
    """Check the manifest before TensorFlow loads, so that a typing error is told at once."""
    manifest = load_manifest(options.model) if options.model else default_manifest()
    from inference.predictor import Predictor, configure_tensorflow

    configure_tensorflow(options.threads)
    return Predictor.load(manifest)


def _read(path: Path) -> DecodedImage:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError("file_missing", f"The file cannot be opened. Received {path.name!r}.") from error
    return read_image(data)


def _write_json(output: str, content: Any) -> None:
    _write(output, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def _write(output: str, data: bytes) -> None:
    if output == "-":
        sys.stdout.buffer.write(data)
    else:
        Path(output).write_bytes(data)


def _progress(done: int, total: int) -> None:
    """Tell on standard error how far it is; twenty lines at most, so that logs stay readable."""
    step = max(1, total // 20)
    if done == total or done % step == 0:
        print(f"{done} of {total} images", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
