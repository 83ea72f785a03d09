"""The pictures of the captures: what is seen, over a strip that says whose it is and what it is not."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from cases.disclaimer import DISCLAIMER
from cases.export.dicom.facts import finding_of_class
from cases.viewer.images import drawings_at_once, maps_of, pixels_of
from cases.viewer.placing import window_of
from inference.heatmaps import base_png, overlay_png

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cases.models import Case, Image, Prediction

LETTERS = 12
# A strip that is narrower has no room for words.
LEAST_WIDTH = 256
EDGE = 6
SIMULATED = "SIMULATED CASE"


def picture_of(case: Case, image: Image) -> NDArray[np.uint8]:
    """The picture at full size through its own window, and the strip below.

    Returns uint8 (rows, columns), or (rows, columns, 3) of a colour picture. The picture's upper left corner
    is that of the whole, so that its pixels keep their places.
    """
    with drawings_at_once:
        png = base_png(pixels_of(image), "rgb", window=window_of(image))
        return _over_strip(png, _words(case, image))


def drawing_of(case: Case, result: Prediction) -> NDArray[np.uint8]:
    """The picture under the heat map of the class that the network named: uint8 (rows, columns, 3)."""
    image, layer = result.image, drawn_layer(result)
    finding = finding_of_class(result.model_version, result.predicted_class)
    # The font that comes with Pillow has no other letters.
    words = finding.words if finding.words.isascii() else f"suspected class {finding.code}"
    says = f"Network {result.model_version.name}: {words}, {result.confidence:.1%}. Map of {layer}."
    with drawings_at_once:
        maps = maps_of(result)
        values = maps.values[layer][maps.class_codes.index(result.predicted_class)]
        box = maps.square_on(image.width, image.height)
        png = overlay_png(pixels_of(image), values, box, window=window_of(image))
        return _over_strip(png, [*_words(case, image), says])


def drawn_layer(result: Prediction) -> str:
    """The layer whose map is drawn: the deepest one. Empty where there is no map that may be shown."""
    layers = result.model_version.layers
    return "" if result.is_refused or not layers else str(layers[-1]["name"])


def _words(case: Case, image: Image) -> list[str]:
    of = f"SecondRead {case.code}, picture {image.position + 1}"
    return [of, *([SIMULATED] if case.is_simulated else []), DISCLAIMER]


def _over_strip(png: bytes, lines: list[str]) -> NDArray[np.uint8]:
    picture = Picture.open(io.BytesIO(png))
    width = max(picture.width, LEAST_WIDTH)
    font = ImageFont.load_default(LETTERS)
    wrapped = [part for line in lines for part in _wrapped(line, width - 2 * EDGE, font)]
    step = LETTERS + 4
    whole = Picture.new(picture.mode, (width, picture.height + 2 * EDGE + step * len(wrapped)))
    whole.paste(picture, (0, 0))
    draw = ImageDraw.Draw(whole)
    for number, line in enumerate(wrapped):
        at = (EDGE, picture.height + EDGE + step * number)
        draw.text(at, line, fill="white" if whole.mode == "RGB" else 255, font=font)
    return np.asarray(whole, np.uint8)


def _wrapped(line: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """The line in pieces that fit, broken between words."""
    pieces = [""]
    for word in line.split():
        longer = f"{pieces[-1]} {word}".strip()
        if font.getlength(longer) <= width or not pieces[-1]:
            pieces[-1] = longer
        else:
            pieces.append(word)
    return pieces
