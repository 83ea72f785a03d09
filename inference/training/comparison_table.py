"""A comparison as JSON and as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from inference.training.comparison import RULE, Comparison, FoldModel, Row
from inference.training.markdown import around, number, table


def comparison_as_dict(comparison: Comparison) -> dict[str, Any]:
    """Return the JSON form: `candidates` the best first, each with figures, intervals and its models."""
    return {
        "best": comparison.best,
        "chosen": comparison.chosen,
        "folds": _folds(comparison),
        "ranked_on": "distinct" if comparison.on_distinct else "all",
        "rule": RULE,
        "notes": notes(comparison),
        "candidates": [_row_as_dict(row, comparison.on_distinct) for row in comparison.rows],
    }


def notes(comparison: Comparison) -> list[str]:
    """Say how the figures came about: what a reader must know before believing them."""
    first = comparison.rows[0]
    models = [model for row in comparison.rows for model in row.candidate.models]
    interval = first.ranked.interval
    scored = (
        f"Scored on folds {_listed(_folds(comparison))}, every image by a model that learned from none of "
        f"its fold's patients; {interval['groups']} groups of patients or exams."
    )
    drawn = (
        "Intervals are 95 %: whole groups drawn with replacement, the same "
        f"{interval['draws']:,} draws for every candidate, so that differences are paired."
    )
    said = [scored, drawn, "The best of several on the same images looks somewhat better than it is."]
    stopped = [model for model in models if model.stopping_folds]
    if stopped:
        said.append(_stopping(stopped))
    return said


def _folds(comparison: Comparison) -> list[int]:
    """The folds that were scored."""
    return sorted({model.fold for row in comparison.rows for model in row.candidate.models})


def comparison_as_markdown(comparison: Comparison, command: str) -> str:
    """Return headings, the table of candidates, the table by class, the choice and the notes.

    command: what made it, so that a reader can make it again.
    """
    first = comparison.rows[0]
    over = "distinct slices" if comparison.on_distinct else "images"
    parts = [
        f"# Candidates compared on {first.ranked.figures.n:,} {over}",
        table(_HEADING, [_line(row) for row in comparison.rows]),
        f"## By class, {over}",
        table(
            ("Candidate", "Class", "Precision", "Recall", "F1 (95 % interval)", "Images"),
            [line for row in comparison.rows for line in _class_lines(row)],
            text_columns=2,
        ),
    ]
    if comparison.on_distinct:
        parts += [
            f"## On all {first.everything.figures.n:,} images, copies included",
            table(
                ("Candidate", "Macro F1 (95 % interval)", "Accuracy (95 % interval)"),
                [
                    (row.candidate.recipe, _with(row, "macro_f1", True), _with(row, "accuracy", True))
                    for row in comparison.rows
                ],
                text_columns=1,
            ),
        ]
    parts += [
        "## Choice",
        f"Best: `{comparison.best}`. Chosen: `{comparison.chosen}`. {RULE}",
        "\n".join(f"- {each}" for each in notes(comparison)),
        f"Made by:\n\n    {command}",
    ]
    return "\n\n".join(parts) + "\n"


_HEADING = (
    "Candidate",
    "Parameters",
    "Weights, MB",
    "Macro F1 (95 % interval)",
    "Difference to the best (95 % interval)",
    "Macro precision",
    "Macro recall",
    "Accuracy",
    "ECE",
)


def _line(row: Row) -> tuple[str, ...]:
    figures, less = row.ranked.figures, row.difference
    return (
        row.candidate.recipe,
        f"{row.candidate.parameters:,}",
        f"{row.candidate.weights_bytes / 1e6:.1f}",
        _with(row, "macro_f1"),
        around(less.macro_f1, less.interval, signed=True),
        *(number(getattr(figures, name)) for name in ("macro_precision", "macro_recall", "accuracy", "ece")),
    )


def _class_lines(row: Row) -> Iterable[tuple[str, ...]]:
    for code, of_class in row.ranked.figures.per_class.items():
        interval = row.ranked.interval["per_class"].get(code, {})
        yield (
            row.candidate.recipe,
            code,
            number(of_class.precision),
            number(of_class.recall),
            around(of_class.f1, interval.get("f1")),
            number(of_class.support),
        )


def _with(row: Row, name: str, everything: bool = False) -> str:
    measured = row.everything if everything else row.ranked
    return around(getattr(measured.figures, name), measured.interval[name])


def _row_as_dict(row: Row, on_distinct: bool) -> dict[str, Any]:
    return {
        "recipe": row.candidate.recipe,
        "title": row.candidate.title,
        "parameters": row.candidate.parameters,
        "weights_bytes": row.candidate.weights_bytes,
        "difference_to_best": {
            "macro_f1": row.difference.macro_f1,
            "interval": list(row.difference.interval),
            "equal": row.difference.is_none,
        },
        **({"distinct": row.ranked.as_dict()} if on_distinct else {}),
        "all": row.everything.as_dict(),
        "models": [asdict(model) for model in row.candidate.models],
    }


def _stopping(models: Sequence[FoldModel]) -> str:
    pairs = sorted({(model.fold, model.stopping_folds) for model in models})
    said = "; ".join(f"fold {_listed(stopping)} where fold {fold} is scored" for fold, stopping in pairs)
    return (
        "Recipes that stop early chose epoch and learning rate by a fold that is neither scored nor "
        f"learned from: {said}."
    )


def _listed(values: Sequence[int]) -> str:
    return ", ".join(str(value) for value in values)
