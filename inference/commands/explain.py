"""`explain`: a slice under the heat map of one layer and class, as PNG."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from inference.commands.common import add_model, add_output, load_predictor, read_file, write
from inference.errors import InferenceError
from inference.heatmaps import COLOUR_MAPS, overlay_png


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("explain", help="write a slice under its heat map as PNG")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--layer", help="default: the last one")
    parser.add_argument("--class", dest="class_code", help="default: the predicted one")
    parser.add_argument("--opacity", type=float, default=0.5)
    parser.add_argument("--colour-map", choices=tuple(COLOUR_MAPS), default=next(iter(COLOUR_MAPS)))
    add_output(parser, "--out")
    add_model(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Explain."""
    predictor = load_predictor(options)
    manifest = predictor.manifest
    layer = _choice("layer", options.layer or manifest.layer_names[-1], manifest.layer_names)
    if options.class_code:
        _choice("class", options.class_code, manifest.class_codes)
    image = read_file(options.file)
    result = predictor.predict([image.pixels])[0]
    index = manifest.class_codes.index(options.class_code or result.predicted)
    place = result.maps.square_on(image.width, image.height)
    values = result.maps.values[layer][index]
    write(options.output, overlay_png(image.pixels, values, place, options.opacity, options.colour_map))


def _choice(kind: str, wanted: str, known: Sequence[str]) -> str:
    if wanted not in known:
        raise InferenceError(
            f"{kind}_unknown",
            f"The network has no such {kind}; it has {', '.join(known)}. Received {wanted!r}.",
        )
    return wanted
