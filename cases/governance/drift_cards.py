"""A card a rule: its weeks, drawn against the frozen baseline, with the table behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _t

from cases.evidence import words
from cases.evidence.cards.card import DASH, Card, Cell, Table
from cases.evidence.cards.drift import MOST_WEEKS, X0, X1, Y0, Y1, first_and_last, p_chart_drawing
from cases.evidence.drawing import Drawing, Mark, dot, line, text
from cases.evidence.measures.proportions import share
from cases.evidence.thresholds import thresholds
from cases.governance.drift import MOST_MOVED, SHARES, baseline_share, rules_told, weeks_since
from cases.governance.measured import YES, units
from cases.lifecycle import DriftRule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cases.governance.drift import Week
    from cases.models import DriftBaseline


# From here on, a number beside the axis has room for one decimal.
ROOM_FOR_TWO_DECIMALS = 10


def drift_cards(baseline: DriftBaseline) -> list[Card]:
    """One for each rule that may be told."""
    found = weeks_since(baseline, most=MOST_WEEKS)
    counts = baseline.measured["counts"]
    rules = rules_told(baseline.cohort)
    return [_card(rule, counts.get(rule, {}), found.get(rule, [])) for rule in rules]


def _card(rule: DriftRule, baseline: Mapping[str, int], weeks: Sequence[Week]) -> Card:
    title = str(rule.label)
    before = _baseline_in_words(rule, baseline)
    if not weeks:
        nothing = _t("No week behind it is over that has anything here.")
        return Card(rule.value, title, f"{before} {nothing}")
    drawing = _shares(title, weeks, baseline) if rule in SHARES else _moves(title, weeks)
    return Card(
        rule.value,
        title,
        f"{before} {_sentence(weeks)}",
        drawing=drawing,
        table=_table(rule, weeks),
        notes=[_note(rule)],
    )


def _baseline_in_words(rule: DriftRule, baseline: Mapping[str, int]) -> str:
    n = units(baseline)
    if rule not in SHARES:
        return _t("The baseline has %(n)d.") % {"n": n}
    return _t("In the baseline: %(share)s.") % {"share": words.brief(share(baseline.get(YES, 0), n))}


def _sentence(weeks: Sequence[Week]) -> str:
    out = [week.monday.isoformat() for week in weeks if week.is_out]
    if out:
        return _t("Outside of the limits lie the weeks from %(days)s.") % {"days": ", ".join(out)}
    if not any(week.is_judged for week in weeks):
        few = _t("No week is judged: week and baseline need %(least)d each.")
        return few % {"least": thresholds().p_value}
    return _t("No week since lies outside of the limits.")


def _note(rule: DriftRule) -> str:
    if rule in SHARES:
        return _t(
            "Between the limits lie 99.8 percent (dashed) and 95 percent of weeks of that size by chance, "
            "that of the baseline's own number included (beta-binomial). An alert is raised beyond the "
            "dashed ones, of weeks that are large enough."
        )
    return _t(
        "The population stability index over bins of the baseline's own. An alert is raised above 0.25, and "
        "where that is more above what chance reaches in 2 of 1000 weeks of that size (dashed)."
    )


def _shares(title: str, weeks: Sequence[Week], baseline: Mapping[str, int]) -> Drawing:
    points = [(week.monday, week.point) for week in weeks if week.point is not None]
    return p_chart_drawing(title, _t("share, percent"), points, baseline_share(baseline))


def _moves(title: str, weeks: Sequence[Week]) -> Drawing:
    """The index by week, from nothing up to the highest limit or value."""
    top = max(MOST_MOVED, *(max(week.high, week.value or 0.0) for week in weeks)) * 1.1
    step = (X1 - X0) / len(weeks)

    def y(value: float) -> float:
        return Y0 - (Y0 - Y1) * min(value / top, 1.0)

    marks: list[Mark] = [text(0, 12, "PSI", tone="soft")]
    for part in range(3):
        value = top * part / 2
        marks += [line(X0, y(value), X1, y(value), "grid")]
        number = words.number(value, 1 if top >= ROOM_FOR_TWO_DECIMALS else 2)
        marks += [text(X0 - 6, y(value) + 4, number, anchor="end", tone="soft")]
    for place, week in enumerate(weeks):
        left = X0 + step * place
        marks.append(line(left, y(week.high), left + step, y(week.high), "dashed"))
        if week.value is not None:
            marks.append(dot(left + step / 2, y(week.value), 4, "warn" if week.is_out else "lit"))
    marks += first_and_last([week.monday for week in weeks])
    described = "; ".join(
        f"{week.monday.isoformat()}: {DASH if week.value is None else words.number(week.value)}"
        for week in weeks
    )
    return Drawing(title, described, Y0 + 26, marks)


def _table(rule: DriftRule, weeks: Sequence[Week]) -> Table:
    heads = [
        ("week_from", _t("Week from")),
        ("value", _t("Share") if rule in SHARES else "PSI"),
        ("n", _t("Of")),
        ("limits", _t("Limits")),
        ("judged", _t("Judged")),
    ]
    return Table(heads, [_row(rule, week) for week in weeks])


def _row(rule: DriftRule, week: Week) -> list[Cell]:
    is_share = rule in SHARES
    if week.value is None:
        value = Cell(DASH, "")
    else:
        value = Cell(words.percent(week.value) if is_share else words.number(week.value), week.value)
    limits = words.between(week.low, week.high) if is_share else words.number(week.high)
    judged = _t("outside") if week.is_out else _t("inside") if week.is_judged else _t("too few")
    return [Cell(week.monday.isoformat()), value, Cell(str(week.n), week.n), Cell(limits), Cell(judged)]
