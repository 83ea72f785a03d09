"""Drawings as lists of marks, so that one template draws each of them, on the page and as a file.

A drawing is 400 units wide, about the width of a card, so that its words are read at the size of the page.
Labels stand above what they name: a telephone shows the same drawing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

WIDTH = 400
# Of a scale from left to right; what stands at its ends has room for half a number.
LEFT, RIGHT = 14, 386


@dataclass(frozen=True)
class Mark:
    """One thing that is drawn. kind: bar, line, dot, ring, path or text; tone: what it is coloured by.

    A bar is x, y, width, height; a line x, y to x2, y2; a dot or ring x, y and its radius; a path `d`.
    """

    kind: str
    tone: str = "ink"
    x: float = 0
    y: float = 0
    width: float = 0
    height: float = 0
    x2: float = 0
    y2: float = 0
    radius: float = 0
    d: str = ""
    text: str = ""
    anchor: str = "start"
    class_code: str = ""


@dataclass(frozen=True)
class Drawing:
    """Marks on a ground of WIDTH x height. title and description say it in words."""

    title: str
    description: str
    height: float
    marks: list[Mark] = field(default_factory=list)

    @property
    def width(self) -> int:
        """Units from left to right."""
        return WIDTH


def at(share: float, low: float = 0.0, high: float = 1.0) -> float:
    """Where a value lies on the scale from `low` to `high`; what is beyond it lies at its end."""
    place = min(1.0, max(0.0, (share - low) / (high - low)))
    return LEFT + (RIGHT - LEFT) * place


def text(x: float, y: float, words: str, *, anchor: str = "start", tone: str = "ink") -> Mark:
    """Words whose base line is y."""
    return Mark("text", tone, x=x, y=y, text=words, anchor=anchor)


def line(x: float, y: float, x2: float, y2: float, tone: str = "axis") -> Mark:
    """A line from one point to the other."""
    return Mark("line", tone, x=x, y=y, x2=x2, y2=y2)


def bar(x: float, y: float, width: float, height: float, tone: str, class_code: str = "") -> Mark:
    """A rectangle; a width below zero reaches to the left."""
    return Mark("bar", tone, min(x, x + width), y, abs(width), height, class_code=class_code)


def dot(x: float, y: float, radius: float = 5, tone: str = "ink") -> Mark:
    """A filled circle."""
    return Mark("dot", tone, x=x, y=y, radius=radius)


def ring(x: float, y: float, radius: float = 5, tone: str = "ink") -> Mark:
    """A circle whose inside is the ground."""
    return Mark("ring", tone, x=x, y=y, radius=radius)


def diamond(x: float, y: float, tone: str = "ink", size: float = 7) -> Mark:
    """A diamond around a point."""
    corners = f"M{x:.1f} {y - size:.1f}l{size} {size}l-{size} {size}l-{size} -{size}z"
    return Mark("path", tone, x=x, y=y, d=corners)


# The shapes of static/css/data.css, in a square of 12 around the point.
_SHAPES = {
    "glioma": "M{x} {top}l6 11.3h-12z",
    "meningioma": "M{left} {up}h10v10h-10z",
    "pituitary": "M{x} {top}l6 6l-6 6l-6 -6z",
}


def class_point(x: float, y: float, code: str) -> Mark:
    """A point of a class, in its shape and colour."""
    shape = _SHAPES.get(code)
    if shape is None:
        return Mark("dot", "class", x=x, y=y, radius=5.5, class_code=code)
    d = shape.format(x=f"{x:.1f}", top=f"{y - 6:.1f}", left=f"{x - 5:.1f}", up=f"{y - 5:.1f}")
    return Mark("path", "class", x=x, y=y, d=d, class_code=code)


def percent_axis(y: float, top: float, low: float = 0.0, high: float = 1.0) -> list[Mark]:
    """Ticks in percent under a scale, with a faint line up to `top` at each."""
    steps = 4 if high - low > 0.4 else 2  # noqa: PLR2004 - a short scale has room for three numbers
    marks = []
    for step in range(steps + 1):
        value = low + (high - low) * step / steps
        place = at(value, low, high)
        marks += [line(place, top, place, y, "grid")]
        marks += [text(place, y + 15, f"{100 * value:.0f}", anchor="middle", tone="soft")]
    return marks
