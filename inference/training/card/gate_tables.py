"""Tables of what makes an answer sure, uncertain or refused: the temperature and the input gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference.gate import ACCEPTED, REFUSED, UNCERTAIN
from inference.training.markdown import figure, mean, number, table

Report = Mapping[str, Any]

_VERDICTS = {ACCEPTED: "Accepted", UNCERTAIN: "Uncertain", REFUSED: "Refused"}
_KINDS = {
    "drawing": "Drawings, phantoms",
    "empty": "Empty frames",
    "head_ct": "CT of the head",
    "microscopy": "Microscopy",
    "noise": "Noise",
    "other_modality": "Other medical pictures",
    "photo": "Photographs",
    "text": "Pages of text",
    "texture": "Textures",
}


def calibration(report: Report) -> str:
    """Return calibration error, Brier score and likelihood before and after the temperatures."""
    names = {
        "ece": "Expected calibration error",
        "brier": "Brier score",
        "nll": "Negative log likelihood",
    }
    lines = [
        (label, figure(report["before"], name), figure(report["after"], name))
        for name, label in names.items()
    ]
    heading = (f"Figure (95 % interval), n = {number(report['n'])}", "Before", "After")
    return table(heading, lines)


def verdicts(gate: Report) -> str:
    """Return how often each verdict falls on slices and on out-of-domain pictures, and is right."""
    lines = []
    for name, label in _VERDICTS.items():
        real, out_of_domain = gate["real"][name], gate["out_of_domain"][name]
        lines.append((label, mean(real["share"]), mean(real.get("accuracy")), mean(out_of_domain["share"])))
    heading = ("Verdict", "Slices (95 % interval)", "Of these, class right", "Out-of-domain pictures")
    return table(heading, lines)


def kinds(gate: Report) -> str:
    """Return the verdicts on each kind of out-of-domain picture."""
    lines = [
        (
            _KINDS.get(kind, kind),
            number(each["n"]),
            number(each["sources"]),
            *(number(each[name]) for name in ("auroc", *_VERDICTS)),
        )
        for kind, each in gate["per_kind"].items()
    ]
    return table(("Out-of-domain pictures", "n", "Sources", "AUROC", *_VERDICTS.values()), lines)


def coverage(gate: Report) -> str:
    """Return how many of the most confident slices are right."""
    lines = [
        (
            f"{each['coverage']:.0%}".replace("%", " %"),
            number(each["n"]),
            number(each["confidence_at_least"]),
            mean(each["accuracy"]),
        )
        for each in gate["coverage"]
    ]
    return table(("Most confident", "n", "Confidence at least", "Class right (95 % interval)"), lines)


def per_fold(gate: Report) -> str:
    """Return each fold's figures and the thresholds that it was judged by."""
    columns = {
        "n": "n",
        "auroc": "AUROC",
        "real_refused": "Slices refused",
        "out_of_domain_accepted": "Out of domain, accepted",
        "refuse_above": "Refused above",
        "uncertain_above": "Uncertain above",
        "uncertain_below_confidence": "or below confidence",
    }
    lines = [(str(each["fold"]), *(number(each[name]) for name in columns)) for each in gate["per_fold"]]
    return table(("Fold", *columns.values()), lines)
