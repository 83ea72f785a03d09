"""The report's plots, as SVG that stands in the page: its text and lines take the page's own colours."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from inference.training.description.statistics import ByClass

# Stand-ins that the page's style replaces: matplotlib wants a colour, the page has two sets of them.
_INK = "#010203"
_FILL = "#040506"
_TRACK = "#070809"
_STYLES = {_INK: "currentColor", _FILL: "var(--bar)", _TRACK: "var(--line)"}
# Any: matplotlib names all its settings in a type of its own.
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": _TRACK,
    "axes.labelcolor": _INK,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
}
_WIDTH = 4.4
_BINS = 64
_GROUND = 10


def counts_plot(counts: Mapping[str, int], label: str) -> str:
    """A bar a class with its number of images."""
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(_WIDTH, 0.7 + 0.42 * len(counts)), layout="constrained")
        axes = figure.subplots()
        bars = axes.barh(list(counts), list(counts.values()), color=_FILL, height=0.6)
        axes.bar_label(bars, [f"{count:,}" for count in counts.values()], padding=4)
        axes.invert_yaxis()
        axes.margins(x=0.18)
        axes.set_xlabel("images")
        axes.tick_params(axis="y", length=0)
        return _svg(figure, "counts", label)


def distribution_plot(values: ByClass, name: str, label: str) -> str:
    """One histogram a class above the next, over a common axis of grey levels, with the median as a line."""
    with mpl.rc_context(_SETTINGS):
        figure, panels = _rows(len(values))
        together = np.concatenate(list(values.values()))
        low, high = float(together.min()), float(together.max())
        edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
        for axes, (code, each) in zip(panels, values.items(), strict=True):
            axes.stairs(np.histogram(each, edges)[0] / len(each), edges, fill=True, color=_FILL)
            axes.axvline(float(np.median(each)), color=_INK, linewidth=1.4)
            _name_row(axes, code)
        panels[-1].set_xlabel("grey level (line: median)")
        return _svg(figure, name, label)


def histogram_plot(histograms: Mapping[str, NDArray[np.float64]], label: str) -> str:
    """The mean histogram of all pixels of each class: float64 (256,), shares. The empty ground
    around the head is left out, since it would dwarf the rest.
    """
    with mpl.rc_context(_SETTINGS):
        figure, panels = _rows(len(histograms))
        for axes, (code, shares) in zip(panels, histograms.items(), strict=True):
            axes.stairs(shares[_GROUND:], np.arange(_GROUND, len(shares) + 1), fill=True, color=_FILL)
            _name_row(axes, code)
        panels[-1].set_xlabel(f"grey level of a pixel ({_GROUND} to 255)")
        return _svg(figure, "histogram", label)


def _rows(count: int) -> tuple[Figure, Sequence[Any]]:
    figure = Figure(figsize=(_WIDTH, 0.6 + 0.62 * count), layout="constrained")
    return figure, list(figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0])


def _name_row(axes: Any, code: str) -> None:
    axes.set_ylabel(code, rotation=0, ha="right", va="center")
    axes.set_yticks([])
    axes.set_ylim(bottom=0)


def _svg(figure: Figure, name: str, label: str) -> str:
    """Return the figure as an `<svg>` element; `label` is what it says to who cannot see it."""
    buffer = io.StringIO()
    # The salt keeps the ids of several plots in one page apart, and the same from run to run.
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawn = buffer.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    for stand_in, style in _STYLES.items():
        drawn = drawn.replace(stand_in, style)
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r'(<svg [^>]*?) width="[^"]*"', r"\1", drawn, count=1)
    drawn = re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", drawn, count=1)
    drawn = drawn.replace('<g id="', f'<g id="{name}_')
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{html.escape(label)}" ', 1)
