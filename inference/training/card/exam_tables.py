"""Tables of what is said of whole exams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference.training.markdown import mean, number, table

Report = Mapping[str, Any]

_RULES = {"key_image": "Key image (as cases have it)"}
_SIDES = {"tumours": "Tumour", "normal": "Normal"}


def rules(exams: Report) -> str:
    """Return each rule's sensitivity and false alarms."""
    lines = [
        (_rule(name), mean(of_rule.get("sensitivity")), mean(of_rule.get("false_alarms")))
        for name, of_rule in exams["rules"].items()
    ]
    return table(("Rule", "Sensitivity (95 % interval)", "False alarms on normal exams"), lines)


def sizes(exams: Report) -> str:
    """Return how many exams of each size each rule raises the alarm for."""
    names = list(exams["rules"])
    lines = [
        (
            _SIDES[row["side"]],
            _range(row["least"], row["most"]),
            number(row["exams"]),
            *(number(row["alarms"][name]) for name in names),
        )
        for row in exams["by_size"]
    ]
    return table(("Exams", "Slices", "n", *map(_rule, names)), lines, text_columns=2)


def _rule(name: str) -> str:
    return _RULES.get(name) or f"Mean of the {name.rpartition('_')[2]} most suspicious"


def _range(least: int, most: int | None) -> str:
    if most is None:
        return f"{least} and more"
    return str(least) if least == most else f"{least} to {most}"
