"""Tables of the tests against short cuts, of the candidates, and of whatever else a manifest measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inference.manifest import ClassLabel
from inference.training.markdown import around, figure, mean, number, table, words

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


def generic(figures: Report) -> str:
    """Return any record: its single figures in one table, its lists and groups of records in tables of
    their own.
    """
    single = {
        key: value
        for key, value in figures.items()
        if key != "interval" and not isinstance(value, Mapping) and not _is_records(value)
    }
    parts = []
    if single:
        parts.append(table(("Figure", "Value"), [(words(key), _plain(figures, key)) for key in single]))
    for key, value in figures.items():
        if _is_records(value):
            parts.append(f"{words(key)}:\n\n{_records({str(n): row for n, row in enumerate(value)}, False)}")
        elif isinstance(value, Mapping) and key != "interval":
            own = value and all(isinstance(each, Mapping) for each in value.values())
            parts.append(f"{words(key)}:\n\n{_records(value, True) if own else generic(value)}")
    return "\n\n".join(parts)


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


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, Mapping) for each in value)


def _records(rows: Mapping[str, Report], named: bool) -> str:
    """Records of the same kind, one a line."""
    columns = list(dict.fromkeys(key for row in rows.values() for key in row if key != "interval"))
    heading = ["", *map(words, columns)] if named else list(map(words, columns))
    lines = []
    for name, row in rows.items():
        cells = [_plain(row, column) for column in columns]
        lines.append([words(name), *cells] if named else cells)
    return table(heading, lines, text_columns=1 if named else 0)


def _plain(record: Report, key: str) -> str:
    value = record.get(key)
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    if isinstance(value, Mapping):
        return mean(value) if "mean" in value else ", ".join(f"{words(k)} {_plain(value, k)}" for k in value)
    if isinstance(value, list):
        return " to ".join(number(each) if isinstance(each, int | float) else str(each) for each in value)
    if isinstance(value, str):
        return value
    return figure(record, key) if isinstance(record.get("interval"), Mapping) else number(value)
