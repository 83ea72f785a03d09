"""Plots of training runs and of comparisons. Drawn without a display."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from inference.training.comparison import Comparison

History = Sequence[Mapping[str, float]]

# The first of these that a history holds is plotted as the score; a network with several outputs prefixes it.
_SCORES = {"recall": "macro recall", "logits_recall": "macro recall", "accuracy": "accuracy"}
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")


def history_figure(title: str, histories: Mapping[int, History]) -> Figure:
    """Return a plot of loss and recall over the epochs, a colour a fold; dashed: the images not trained on.

    histories: rows of history.csv by the fold that is scored, at least one. A figure that a run did not
    record is left out; accuracy stands in where no recall was recorded.
    """
    figure = Figure(figsize=(10, 4), layout="constrained")
    figure.suptitle(title)
    left, right = figure.subplots(1, 2)
    recorded = {name for rows in histories.values() for row in rows for name in row}
    scores = [name for name in _SCORES if name in recorded]
    _curves(left, histories, "loss", "loss")
    if scores:
        _curves(right, histories, scores[0], _SCORES[scores[0]])
        right.set_ylim(0.0, 1.02)
    left.set_ylim(bottom=0.0)
    return figure


def comparison_figure(comparison: Comparison) -> Figure:
    """Return a plot of every candidate's macro F1 with its 95 % interval, the best on top."""
    rows = comparison.rows
    figure = Figure(figsize=(8, 1.2 + 0.4 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(rows):
        value, (low, high) = row.ranked.figures.macro_f1, row.ranked.interval["macro_f1"]
        colour = _COLOURS[1] if row.candidate.recipe == comparison.chosen else _COLOURS[0]
        axes.plot([low, high], [place, place], color=colour, linewidth=2)
        axes.plot([value], [place], "o", color=colour)
    chosen = [" (chosen)" if row.candidate.recipe == comparison.chosen else "" for row in rows]
    axes.set_yticks(
        range(len(rows)), [f"{row.candidate.recipe}{mark}" for row, mark in zip(rows, chosen, strict=True)]
    )
    axes.invert_yaxis()
    over = "distinct slices" if comparison.on_distinct else "all images"
    axes.set_xlabel(f"macro F1 on {over} of patients not trained on, 95 % interval")
    axes.grid(axis="x", alpha=0.3)
    return figure


def as_png(figure: Figure) -> bytes:
    """Return the figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def _curves(axes: Axes, histories: Mapping[int, History], name: str, label: str) -> None:
    for place, (fold, rows) in enumerate(sorted(histories.items())):
        colour = _COLOURS[place % len(_COLOURS)]
        for column, side, style in ((name, "trained on", "-"), (f"val_{name}", "not trained on", "--")):
            points = [(row["epoch"] + 1, row[column]) for row in rows if column in row]
            if points:
                axes.plot(
                    *zip(*points, strict=True),
                    style,
                    color=colour,
                    marker=".",
                    label=f"fold {fold} scored, {side}",
                )
    axes.set_xlabel("epoch")
    axes.set_ylabel(label)
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(fontsize="small")
