"""Tables of what `evaluate` and `crossvalidate` report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inference.manifest import ClassLabel, LayerInfo
from inference.training.markdown import around, figure, number, table

_FIGURES = {
    "accuracy": "Accuracy",
    "macro_precision": "Macro precision",
    "macro_recall": "Macro recall",
    "macro_f1": "Macro F1",
    "ece": "Expected calibration error",
    "brier": "Brier score",
    "nll": "Negative log likelihood",
}

Report = Mapping[str, Any]


def overall(report: Report) -> str:
    """Return the figures on distinct slices beside those on all images."""
    columns = {"All images": report}
    if "distinct" in report:
        columns = {"Distinct slices": report["distinct"], **columns}
    heading = [f"{name} (n = {each['n']:,})" for name, each in columns.items()]
    lines = [(label, *(figure(each, name) for each in columns.values())) for name, label in _FIGURES.items()]
    return table(("Figure (95 % interval)", *heading), lines)


def by_class(report: Report, classes: Sequence[ClassLabel]) -> str:
    """Return precision, recall and F1 of each class."""
    figures = report.get("distinct", report)
    intervals = figures.get("interval", {}).get("per_class", {})
    lines = []
    for each in classes:
        of_class, own = figures["per_class"][each.code], intervals.get(each.code, {})
        cells = (around(of_class[name], own.get(name)) for name in ("precision", "recall", "f1"))
        lines.append((each.label, *cells, number(of_class["support"])))
    return table(("Class", "Precision", "Recall", "F1 (95 % interval)", "n"), lines)


def confusion(report: Report, classes: Sequence[ClassLabel]) -> str:
    """Return counts: rows true, columns predicted."""
    figures = report.get("distinct", report)
    labels = {each.code: each.label for each in classes}
    names = [labels[code] for code in figures["labels"]]
    lines = [
        (name, *(number(count) for count in row))
        for name, row in zip(names, figures["confusion"], strict=True)
    ]
    return table(("True, across: predicted", *names), lines)


def per_fold(rows: Sequence[Report], classes: Sequence[ClassLabel]) -> str:
    """Return a line a fold, on its distinct slices where those are known."""
    heading = ("Fold", "n", "Accuracy", "Macro F1 (95 % interval)", "ECE")
    lines = [
        (
            str(row["fold"]),
            number(row["n"]),
            number(row.get("accuracy")),
            figure(row, "macro_f1"),
            number(row.get("ece")),
            *(number(row.get("f1", {}).get(each.code)) for each in classes),
        )
        for row in rows
    ]
    return table((*heading, *(f"F1, {each.label.lower()}" for each in classes)), lines)


def localisation(report: Report, layers: Sequence[LayerInfo]) -> str:
    """Return hits and share of heat of each layer, beside a box elsewhere and the image's centre."""
    measured = report.get("distinct", report)["localisation"]
    lines = [(each.label, *_beside(measured[each.name])) for each in layers if each.name in measured]
    prior = measured["centre_prior"]
    lines.append(("Centre of the image", figure(prior, "pointing"), figure(prior, "heat_inside"), "-", "-"))
    heading = (
        "Map",
        "Pointing (95 % interval)",
        "Share of heat",
        "Pointing, random box",
        "Share, random box",
    )
    return table(heading, lines)


def localisation_by_class(report: Report, layers: Sequence[LayerInfo], classes: Sequence[ClassLabel]) -> str:
    """Return the hits of every layer's maps by class, beside the centre's and a random box's."""
    measured = report.get("distinct", report)["localisation"]
    priors = measured["centre_prior"].get("per_class", {})
    lines = []
    for layer in layers:
        for each in classes:
            own = measured.get(layer.name, {}).get("per_class", {}).get(each.code)
            if own is not None:
                prior = priors.get(each.code, {})
                cells = (
                    figure(own, "pointing"),
                    figure(prior, "pointing"),
                    figure(own["random_box"], "pointing"),
                )
                lines.append((layer.label, each.label, *cells, number(own["n"])))
    heading = ("Map", "Class", "Pointing (95 % interval)", "Centre of the image", "Random box", "n")
    return table(heading, lines, text_columns=2)


def misses_the_lesion(report: Report, layers: Sequence[LayerInfo]) -> bool:
    """Whether a guess at the image's centre hits more lesions than the last layer's maps do."""
    measured = report.get("distinct", report)["localisation"]
    return bool(measured[layers[-1].name]["pointing"] <= measured["centre_prior"]["pointing"])


def _beside(of_layer: Report) -> tuple[str, ...]:
    other = of_layer["random_box"]
    return tuple(figure(each, name) for each in (of_layer, other) for name in ("pointing", "heat_inside"))
