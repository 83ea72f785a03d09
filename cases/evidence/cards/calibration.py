"""Whether the network's probabilities are what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _t

from cases.evidence import words
from cases.evidence.cards.card import Card, Cell, Links, Table
from cases.evidence.drawing import Drawing, Mark, dot, line, text
from cases.evidence.measures.calibration import (
    Bin,
    calibration_error,
    coverage_curve,
    equal_count_bins,
)
from cases.evidence.thresholds import thresholds

if TYPE_CHECKING:
    from cases.evidence.study import Study

BINS = 10
# The plot's square, in units of the drawing.
X0, X1, Y0, Y1 = 34, 386, 314, 30


def card(study: Study, links: Links) -> Card:
    """A reliability diagram of the newest network with results here."""
    title = _t("Whether the probabilities hold")
    versions = [version for version in study.versions if any(r.version == version for r in study.results)]
    least = thresholds().calibration
    if not versions:
        return Card("calibration", title, _t("No result of a case with a known class yet."))
    version = versions[-1]
    results = [result for result in study.results if result.version == version]
    if len(results) < least:
        few = _t("Network %(name)s has %(n)d results of known class; calibration needs %(least)d.")
        return Card("calibration", title, few % {"name": version, "n": len(results), "least": least})
    confidences = [result.probability for result in results]
    right = [result.predicted == result.truth for result in results]
    bins = equal_count_bins(confidences, right, min(BINS, len(results) // thresholds().bin))
    error = calibration_error(bins)
    told = {
        "name": version,
        "n": len(results),
        "ece": words.number(error.ece if error else 0.0, 3),
        "brier": words.number(sum(result.brier for result in results) / len(results), 3),
    }
    return Card(
        "calibration",
        title,
        _t("Network %(name)s, %(n)d results: ECE %(ece)s, Brier score %(brier)s (sum form, 0 to 2).") % told,
        drawing=_drawing(title, bins),
        table=_table(bins),
        lists=[_coverage(confidences, right)],
        notes=[
            _t(
                "Bins hold about as many results each; ECE is over these bins. Below the line, it is too "
                "sure."
            )
        ],
    )


def _place(share: float, start: float, end: float) -> float:
    return start + (end - start) * share


def _drawing(title: str, bins: list[Bin]) -> Drawing:
    marks: list[Mark] = []
    for step in range(5):
        x, y = _place(step / 4, X0, X1), _place(step / 4, Y0, Y1)
        marks += [line(x, Y0, x, Y1, "grid"), line(X0, y, X1, y, "grid")]
        marks += [text(x, Y0 + 18, f"{25 * step}", anchor="middle", tone="soft")]
        marks += [text(X0 - 8, y + 4, f"{25 * step}", anchor="end", tone="soft")]
    marks.append(line(X0, Y0, X1, Y1, "axis"))
    largest = max(each.right.n for each in bins)
    for each in bins:
        x = _place(each.confidence, X0, X1)
        low, high = (_place(end or 0.0, Y0, Y1) for end in (each.right.low, each.right.high))
        radius = 3 + 4 * (each.right.n / largest) ** 0.5
        marks += [line(x, low, x, high, "range")]
        marks += [dot(x, _place(each.right.value or 0.0, Y0, Y1), radius, "lit")]
    marks.append(text((X0 + X1) / 2, Y0 + 38, _t("mean probability, percent"), anchor="middle", tone="soft"))
    marks.append(text(0, 12, _t("right, percent"), tone="soft"))
    described = "; ".join(
        _t("%(mean)s predicted, %(share)s right")
        % {"mean": words.percent(each.confidence), "share": words.brief(each.right)}
        for each in bins
    )
    return Drawing(title, described, Y0 + 46, marks)


def _table(bins: list[Bin]) -> Table:
    heads = [
        ("mean_probability", _t("Mean probability")),
        ("right", _t("Right")),
        ("n", _t("Of")),
        ("share_right", _t("Share right, 95 % interval")),
    ]
    rows = [
        [
            Cell(words.percent(each.confidence), each.confidence),
            Cell(str(each.right.hits), each.right.hits),
            Cell(str(each.right.n), each.right.n),
            Cell(words.share_in_words(each.right), each.right.value),
        ]
        for each in bins
    ]
    return Table(heads, rows)


def _coverage(confidences: list[float], right: list[bool]) -> Table:
    heads = [
        ("threshold", _t("Probability from")),
        ("coverage", _t("Share of results")),
        ("right", _t("Right among them")),
    ]
    rows = [
        [
            Cell(words.percent(point.threshold), point.threshold),
            Cell(words.percent(point.coverage), point.coverage),
            Cell(words.brief(point.right), point.right.value),
        ]
        for point in coverage_curve(confidences, right, points=5)
    ]
    return Table(heads, rows, _t("Accuracy of the surest results"))
