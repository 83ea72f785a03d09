"""Whether readers and network still differ as often as they did, week by week."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _t

from cases.evidence import words
from cases.evidence.cards.card import DASH, Card, Cell, Links, Table
from cases.evidence.drawing import Drawing, Mark, dot, line, text
from cases.evidence.measures.drift import ControlPoint, p_chart, population_stability
from cases.evidence.measures.proportions import share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cases.evidence.study import Read, Study

# The plot's square, in units of the drawing; and the weeks that it has room for, the newest.
X0, X1, Y0, Y1 = 34, 386, 190, 30
MOST_WEEKS = 26


@dataclass(frozen=True)
class Week:
    """A week behind the baseline. psi: how far its mix of the network's classes lies from the baseline's."""

    monday: date
    point: ControlPoint
    psi: float | None
    versions: str


def card(study: Study, links: Links) -> Card:
    """A p-chart against the first reads of the cohort, which stay the baseline."""
    title = _t("Whether it drifts")
    reads = sorted(study.reads, key=lambda read: read.at)
    baseline, later = reads[: settings.EVIDENCE_BASELINE], reads[settings.EVIDENCE_BASELINE :]
    if not later:
        needed = _t(
            "There are %(n)d reads; the first %(least)d are the baseline, and drift shows behind them."
        )
        return Card("drift", title, needed % {"n": len(reads), "least": settings.EVIDENCE_BASELINE})
    at_first = share(sum(map(_differs, baseline)), len(baseline))
    weeks = _weeks(baseline, later, at_first.value or 0.0)[-MOST_WEEKS:]
    return Card(
        "drift",
        title,
        _sentence(weeks, words.brief(at_first)),
        drawing=p_chart_drawing(
            title,
            _t("differing, percent"),
            [(week.monday, week.point) for week in weeks],
            at_first.value or 0.0,
        ),
        table=_table(weeks),
        link=(_t("Drift against a frozen baseline"), links.drift()),
        notes=[
            _t(
                "Disagreement of a reader's last word with the network. Between the limits lie 95 and 99.8 "
                "percent of weeks of that size by chance, that of the baseline's own reads included "
                "(beta-binomial); PSI is over the mix of the network's classes: below 0.1 little has moved, "
                "above 0.25 much has."
            )
        ],
    )


def _differs(read: Read) -> bool:
    return read.after != read.network


def _weeks(baseline: list[Read], later: list[Read], at_first: float) -> list[Week]:
    by_week: dict[date, list[Read]] = defaultdict(list)
    for read in later:
        day = timezone.localtime(read.at).date()
        by_week[day - timedelta(days=day.weekday())].append(read)
    mondays = sorted(by_week)
    counts = [(sum(map(_differs, by_week[day])), len(by_week[day])) for day in mondays]
    points = p_chart(at_first, counts, baseline_n=len(baseline))
    mix = Counter(read.network for read in baseline)
    return [
        Week(
            day,
            point,
            population_stability(mix, Counter(read.network for read in by_week[day])),
            ", ".join(sorted({read.version for read in by_week[day]})),
        )
        for day, point in zip(mondays, points, strict=True)
    ]


def _sentence(weeks: list[Week], baseline: str) -> str:
    out = [week.monday.isoformat() for week in weeks if week.point.alarm]
    told = _t("In the baseline readers and network differ in %(share)s.") % {"share": baseline}
    if not out:
        return f"{told} " + _t("No week since lies outside of the limits.")
    return f"{told} " + _t("Outside of the limits lie the weeks from %(days)s.") % {"days": ", ".join(out)}


def p_chart_drawing(
    title: str, axis: str, weeks: Sequence[tuple[date, ControlPoint]], baseline: float
) -> Drawing:
    """Points by week (of their Monday, at least one) with their limits, and the baseline's share."""
    highest = max(max(point.alarm_high, point.value or 0.0) for _monday, point in weeks)
    top = min(1.0, max(2, ceil(10 * highest)) / 10)
    step = (X1 - X0) / len(weeks)

    def y(value: float) -> float:
        return Y0 - (Y0 - Y1) * min(value / top, 1.0)

    marks: list[Mark] = [text(0, 12, axis, tone="soft")]
    for part in range(3):
        value = top * part / 2
        marks += [line(X0, y(value), X1, y(value), "grid")]
        marks += [text(X0 - 8, y(value) + 4, f"{100 * value:.0f}", anchor="end", tone="soft")]
    marks.append(line(X0, y(baseline), X1, y(baseline), "axis"))
    for index, (_monday, point) in enumerate(weeks):
        left = X0 + step * index
        for limit, tone in (
            (point.alarm_low, "dashed"),
            (point.alarm_high, "dashed"),
            (point.warn_low, "range"),
            (point.warn_high, "range"),
        ):
            marks.append(line(left, y(limit), left + step, y(limit), tone))
        marks.append(dot(left + step / 2, y(point.value or 0.0), 4, "warn" if point.alarm else "lit"))
    marks += first_and_last([monday for monday, _point in weeks])
    described = "; ".join(
        f"{monday.isoformat()}: {words.brief(share(point.hits, point.n))}" for monday, point in weeks
    )
    return Drawing(title, described, Y0 + 26, marks)


def first_and_last(mondays: Sequence[date]) -> list[Mark]:
    """The days at the ends of the axis of weeks."""
    marks = [text(X0, Y0 + 18, mondays[0].isoformat(), tone="soft")]
    if len(mondays) > 1:
        marks.append(text(X1, Y0 + 18, mondays[-1].isoformat(), anchor="end", tone="soft"))
    return marks


def _table(weeks: list[Week]) -> Table:
    heads = [
        ("week_from", _t("Week from")),
        ("differing", _t("Differing")),
        ("n", _t("Of")),
        ("limits", _t("99.8 % limits")),
        ("judged", _t("Judged")),
        ("psi", "PSI"),
        ("network", _t("Network")),
    ]
    return Table(heads, [_row(week) for week in weeks])


def _row(week: Week) -> list[Cell]:
    point = week.point
    judged = _t("outside") if point.alarm else _t("on the border") if point.warning else _t("inside")
    limits = words.between(point.alarm_low, point.alarm_high)
    return [
        Cell(week.monday.isoformat()),
        Cell(str(point.hits), point.hits),
        Cell(str(point.n), point.n),
        Cell(limits),
        Cell(judged),
        Cell(DASH if week.psi is None else words.number(week.psi), week.psi),
        Cell(week.versions),
    ]
