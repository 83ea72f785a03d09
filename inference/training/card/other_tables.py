"""Tables of the tests against short cuts, of the candidates, and of what a prediction costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inference.manifest import ClassLabel
from inference.training.markdown import around, figure, mean, number, table

Report = Mapping[str, Any]


def flips(robustness: Report) -> str:
    """Return the flip rate of each change, of their mean, and of any."""
    lines = [
        (each["label"], number(each["n"]), mean(each, "flip_rate"), number(each["probability_change"]))
        for each in robustness["changes"].values()
    ]
    for name, label in (("mean", "Mean over the changes"), ("any", "Any of them")):
        each = robustness[name]
        moved = number(each.get("probability_change"))
        lines.append((f"**{label}**", number(each["n"]), mean(each, "flip_rate"), moved))
    return table(("Change", "n", "Flip rate (95 % interval)", "Mean change of probability"), lines)


def blanking(report: Report, classes: Sequence[ClassLabel]) -> str:
    """Return what blanking the lesion does, beside a box elsewhere, over all and by class."""
    labels = {each.code: each.label for each in classes}
    of_class = {labels[code]: each for code, each in report["per_class"].items()}
    lines = []
    for name, each in {"All": report, **of_class}.items():
        for place, box in (("lesion", "Lesion"), ("elsewhere", "Elsewhere")):
            if place in each:
                lines.append((name, box, *_falls(each[place])))
        if "difference" in each:
            difference = each["difference"]
            cells = (
                number(difference["n"]),
                mean(difference, signed=True),
                "-",
                mean(difference["larger"]),
                "-",
            )
            lines.append((name, "Lesion less elsewhere", *cells))
    heading = ("Class", "Box blanked", "n", "Mean fall (95 % interval)", "Median", "Falls", "Class changes")
    return table(heading, lines, text_columns=2)


def candidates(rows: Sequence[Report]) -> str:
    """Return a line a candidate, the best first, on distinct slices where those are known."""
    return table(
        (
            "Candidate",
            "Parameters",
            "Macro F1 (95 % interval)",
            "Difference to the best",
            "Macro precision",
            "Macro recall",
            "Accuracy",
            "n",
        ),
        [_candidate(row) for row in rows],
    )


def speed(report: Report) -> str:
    """Return what each way to the probabilities and maps costs."""
    lines = [
        (each["way"], f"{each['milliseconds_an_image']:.1f}", f"{each['times_ours']:.2f}")
        for each in report["ways"]
    ]
    return table(("Way", "Milliseconds an image", "Times ours"), lines)


def _falls(each: Report) -> tuple[str, ...]:
    shares = (mean(each["falling"]), mean(each["changed_class"]))
    return number(each["n"]), mean(each, signed=True), number(each["median"], signed=True), *shares


def _candidate(row: Report) -> tuple[str, ...]:
    figures = row.get("distinct") or row["all"]
    difference = row["difference_to_best"]
    return (
        f"`{row['recipe']}`",
        number(row["parameters"]),
        figure(figures, "macro_f1"),
        around(difference["macro_f1"], difference["interval"], signed=True),
        *(number(figures[name]) for name in ("macro_precision", "macro_recall", "accuracy")),
        number(figures["n"]),
    )
