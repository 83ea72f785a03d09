"""What stands behind the question mark of a rendered picture (PS3.18, 8.3.5)."""

from __future__ import annotations

import io
import math
import re
from typing import Any, get_args

import numpy as np
from django.utils.translation import gettext_lazy as _
from PIL import Image as Picture
from rest_framework import serializers

from cases.api.parameters import Parameters
from cases.models import Image
from cases.translation import sentence_of
from cases.viewer.images import pixels_of
from cases.viewer.placing import window_of
from inference.formats.wire import intensity_of_plain
from inference.preprocessing import to_display
from inference.rendering import Function, RenderingError, ValueWindow, Viewport, fitted, windowed

_FUNCTIONS = get_args(Function)
_QUALITY = 90
# Of the viewport; more than any screen has.
_MOST_PIXELS = 4096
_DECIMAL = re.compile(r"[+-]?(\d{1,12}(\.\d{0,12})?|\.\d{1,12})([eE][+-]?\d{1,2})?", re.ASCII)


class WindowField(serializers.CharField):
    """Centre, width and function."""

    default_error_messages = {
        "form": _(
            "Give centre, width and function, such as 40,400,linear; functions are linear, linear-exact and "
            "sigmoid, and the width is above 0, with linear at least 1."
        ),
    }

    def to_internal_value(self, data: str) -> ValueWindow:  # type: ignore[override]
        match super().to_internal_value(data).split(","):
            case [first, second, third] if third.strip().lower() in _FUNCTIONS:
                centre, width, function = _number(first), _number(second), third.strip().lower()
            case _:
                self.fail("form")
        least = 1.0 if function == "linear" else 0.0
        if centre is None or width is None or width <= 0 or width < least:
            self.fail("form")
        return ValueWindow(centre, width, function)  # type: ignore[arg-type]  # one of _FUNCTIONS


class ViewportField(serializers.CharField):
    """The size to fit into, and a part of the picture."""

    default_error_messages = {
        "form": _(
            "Give width and height in whole pixels, from 1 to 4096, and, where a part is wanted, its left, "
            "top, width and height in pixels of the picture, such as 512,512 or 256,256,10,20,64,64."
        ),
    }

    def to_internal_value(self, data: str) -> Viewport:  # type: ignore[override]
        given = [part.strip() for part in super().to_internal_value(data).split(",")]
        sizes = [int(part) if re.fullmatch(r"[0-9]{1,4}", part) else 0 for part in given[:2]]
        part = [_number(number) for number in given[2:]]
        is_whole = all(number is not None or not text for number, text in zip(part, given[2:], strict=True))
        if len(given) not in (2, 6) or not is_whole or not all(1 <= size <= _MOST_PIXELS for size in sizes):
            self.fail("form")
        left, top, across, down = part or [None] * 4
        return Viewport(sizes[0], sizes[1], left or 0.0, top or 0.0, across, down)


class RenderedParameters(Parameters):
    """How a picture is to be rendered. What the standard names besides is not done here, and passed over."""

    elsewhere = ("accept", "annotation", "charset", "iccprofile")

    window = WindowField(
        required=False,
        help_text=_(
            "Centre, width and function (linear, linear-exact or sigmoid), in the file's own values."
        ),
    )
    viewport = ViewportField(
        required=False,
        help_text=_(
            "Width and height to fit into; then, where wanted, left, top, width and height of a part."
        ),
    )
    quality = serializers.IntegerField(
        required=False, default=_QUALITY, min_value=1, max_value=100, help_text=_("Of a JPEG, from 1 to 100.")
    )

    def picture(self, image: Image, kind: str) -> bytes:
        """The image as a file of this kind, “JPEG” or “PNG”. Raises ValidationError, and FileNotFoundError or
        InferenceError where it cannot be read.
        """
        given: dict[str, Any] = self.validated_data
        pixels = pixels_of(image)
        try:
            if "window" in given:
                shown = windowed(pixels, given["window"], intensity_of_plain(image.intensity))
            else:
                shown = to_display(pixels, window_of(image))
            if "viewport" in given:
                shown = fitted(shown, given["viewport"])
        except RenderingError as error:
            name = "window" if error.code == "window_of_colours" else "viewport"
            raise serializers.ValidationError({name: [sentence_of(error)]}) from None
        file = io.BytesIO()
        options = {"quality": given["quality"]} if kind == "JPEG" else {}
        Picture.fromarray(np.ascontiguousarray(shown)).save(file, kind, **options)
        return file.getvalue()


def _number(text: str) -> float | None:
    """A decimal number, as DICOM writes it; None for what is none."""
    number = float(text) if _DECIMAL.fullmatch(text.strip()) else math.nan
    return number if math.isfinite(number) else None
