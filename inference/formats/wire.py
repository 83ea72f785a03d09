"""An image without its pixels as plain data, and back: what passes between the processes of `guarded`.

What comes from a decoder that read a stranger's file is checked: of other types nothing is made.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from inference.formats.base import DecodedImage, Intensity, Notice, Original, Pixels, Source
from inference.geometry import Geometry


def told(image: DecodedImage) -> dict[str, Any]:
    """What JSON can hold of an image."""
    return {
        "dtype": str(image.pixels.dtype),
        "shape": image.pixels.shape,
        "format_id": image.format_id,
        "notices": [[notice.code, notice.message] for notice in image.notices],
        "geometry": asdict(image.geometry),
        "intensity": asdict(image.intensity),
        "source": asdict(image.source) if image.source else None,
        "frame": image.frame,
    }


def image_of(told: dict[str, Any], pixels: Pixels) -> DecodedImage:
    """The image again. Raises KeyError, TypeError or ValueError where `told` is nothing that our program
    tells.
    """
    return DecodedImage(
        pixels,
        _word(told["format_id"]),
        tuple(Notice(_word(code), _word(message)) for code, message in told["notices"]),
        geometry_of_plain(told["geometry"]),
        intensity_of_plain(told["intensity"]),
        _source(told["source"]) if told["source"] is not None else None,
        int(told["frame"]),
    )


def geometry_of_plain(plain: dict[str, Any]) -> Geometry:
    """A geometry from what `asdict` made of one."""
    return Geometry(
        _vector(plain.get("right")),
        _vector(plain.get("down")),
        _vector(plain.get("position")),
        _pair(plain.get("spacing")),
        None if plain.get("thickness") is None else float(plain["thickness"]),
    )


def intensity_of_plain(plain: dict[str, Any]) -> Intensity:
    """An intensity from what `asdict` made of one."""
    return Intensity(
        None if plain.get("slope") is None else float(plain["slope"]),
        None if plain.get("intercept") is None else float(plain["intercept"]),
        tuple((float(low), float(high)) for low, high in plain.get("windows", ())),
    )


def _source(plain: dict[str, Any]) -> Source:
    texts = ("patient", "person", "study", "series", "instance", "date", "modality", "burned_in")
    kept = {_word(name): value for name, value in plain["kept"].items()}
    if not all(isinstance(value, str | int | float) for value in kept.values()):
        raise TypeError("a kept value is neither text nor number")
    if set(plain) != {each.name for each in fields(Source)}:
        raise ValueError("other fields than a source has")
    return Source(
        **{name: _word(plain[name]) for name in texts},
        number=None if plain["number"] is None else int(plain["number"]),
        location=None if plain["location"] is None else float(plain["location"]),
        apart=tuple((_word(name), float(value)) for name, value in plain["apart"]),
        is_localizer=bool(plain["is_localizer"]),
        kept=kept,
        removed=int(plain["removed"]),
        original=original_of_plain(plain["original"]) if plain["original"] is not None else None,
    )


def original_of_plain(plain: dict[str, Any]) -> Original:
    """What names a frame in its archive, from what `asdict` made of it."""
    swap, flip_right, flip_down = plain["way"]
    return Original(
        patient=_word(plain["patient"]),
        issuer=_word(plain["issuer"]),
        study=_word(plain["study"]),
        series=_word(plain["series"]),
        instance=_word(plain["instance"]),
        sop_class=_word(plain["sop_class"]),
        frame=int(plain["frame"]),
        rows=int(plain["rows"]),
        columns=int(plain["columns"]),
        way=(bool(swap), bool(flip_right), bool(flip_down)),
    )


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _vector(values: Any) -> tuple[float, float, float] | None:
    if values is None:
        return None
    x, y, z = values
    return float(x), float(y), float(z)


def _pair(values: Any) -> tuple[float, float] | None:
    if values is None:
        return None
    first, second = values
    return float(first), float(second)
