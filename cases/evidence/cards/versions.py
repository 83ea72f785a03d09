"""Two networks on the same cases of known class: which is right more often, and by how much."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _t

from cases.evidence import words
from cases.evidence.cards.card import Card, Cell, Links, Table, number_cell
from cases.evidence.drawing import LEFT, RIGHT, Drawing, Mark, at, bar, diamond, line, text
from cases.evidence.measures.paired import (
    McNemar,
    Pairs,
    effect_on_difference,
    swapped_clusters,
    tango_interval,
)
from cases.evidence.thresholds import thresholds

if TYPE_CHECKING:
    from cases.evidence.study import Study


def card(study: Study, links: Links) -> Card:
    """The newest network of those that have results here, against the one before it."""
    title = _t("One network against another")
    by_version = {
        version: {result.case: result for result in study.results if result.version == version}
        for version in study.versions
    }
    versions = [version for version, results in by_version.items() if results]
    if len(versions) < 2:  # noqa: PLR2004 - there is nothing to compare
        return Card(
            "versions",
            title,
            _t(
                "Fewer than two networks have results of known class here. Have the cohort analysed again "
                "by another."
            ),
        )
    first, second = versions[-2:]
    shared = by_version[first].keys() & by_version[second].keys()
    by_cluster: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for one, other in ((by_version[first][case], by_version[second][case]) for case in shared):
        by_cluster[one.cluster].append((one.predicted == one.truth, other.predicted == other.truth))
    clusters = [Pairs.of(judged) for judged in by_cluster.values()]
    pairs = Pairs.of(judged for own in by_cluster.values() for judged in own)
    interval = tango_interval(pairs, effect_on_difference(clusters))
    if interval is None or pairs.difference is None:
        return Card("versions", title, _t("No case has a result of both networks."))
    # The newer one's share less the older one's: above zero, the newer is better.
    gain, low, high = -pairs.difference, -interval[1], -interval[0]
    tests = swapped_clusters(each.only_first - each.only_second for each in clusters)
    return Card(
        "versions",
        title,
        _sentence(first, second, pairs, (gain, low, high), tests),
        drawing=difference_drawing(title, second, (gain, low, high), settings.EVIDENCE_MARGIN),
        table=_table(first, second, pairs),
        notes=[
            _t(
                "Interval of the paired difference after Tango, on the effective number of cases; exact and "
                "mid-p McNemar test. Cases of one patient belong together."
            ),
            _t(
                "The dashed line is the margin of non-inferiority that the operator has settled: "
                "%(margin)s points."
            )
            % {"margin": words.points(-settings.EVIDENCE_MARGIN)},
        ],
        link=(
            _t("Cases on which they differ"),
            f"{reverse('dashboard:compare')}?cohort={links.cohort.pk}&first={first}&second={second}",
        ),
    )


def _sentence(first: str, second: str, pairs: Pairs, gain: tuple[float, float, float], tests: McNemar) -> str:
    told = _t(
        "On %(n)d cases %(second)s is right %(difference)s points more often than %(first)s (95 %% "
        "interval %(low)s "
        "to %(high)s)."
    ) % {
        "n": pairs.n,
        "first": first,
        "second": second,
        "difference": words.points(gain[0]),
        "low": words.points(gain[1]),
        "high": words.points(gain[2]),
    }
    if tests.exact is None or tests.mid is None or pairs.n < thresholds().p_value:
        return told
    p = _t("McNemar test: exact %(exact)s; mid-p form: %(mid)s.")
    return f"{told} {p % {'exact': words.p_value(tests.exact), 'mid': words.p_value(tests.mid)}}"


def difference_drawing(title: str, second: str, gain: tuple[float, float, float], margin: float) -> Drawing:
    """A gain with its interval on an axis around nothing, and the margin of non-inferiority, dashed."""
    value, low, high = gain
    reach = max(0.1, abs(low), abs(high), 1.5 * margin) * 1.05
    y = 46

    def place(points: float) -> float:
        return at(points, -reach, reach)

    marks: list[Mark] = [
        text(LEFT, 14, _t("← worse"), tone="warn"),
        text(RIGHT, 14, _t("better →"), anchor="end", tone="ok"),
        line(place(0), 22, place(0), 70),
        line(place(-margin), 22, place(-margin), 70, "dashed"),
        bar(place(low), y - 2, place(high) - place(low), 4, "range"),
        diamond(place(value), y, "lit"),
        text(place(0), 86, "0", anchor="middle", tone="soft"),
        text(place(-margin), 86, words.points(-margin), anchor="middle", tone="soft"),
        text(200, 104, _t("difference in percentage points"), anchor="middle", tone="soft"),
    ]
    described = _t("%(name)s: %(value)s points, %(low)s to %(high)s") % {
        "name": second,
        "value": words.points(value),
        "low": words.points(low),
        "high": words.points(high),
    }
    return Drawing(title, described, 110, marks)


def _table(first: str, second: str, pairs: Pairs) -> Table:
    rows = [
        [Cell(_t("Both right")), number_cell(pairs.both)],
        [Cell(_t("Only %(name)s right") % {"name": first}), number_cell(pairs.only_first)],
        [Cell(_t("Only %(name)s right") % {"name": second}), number_cell(pairs.only_second)],
        [Cell(_t("Both wrong")), number_cell(pairs.neither)],
    ]
    return Table([("outcome", _t("Outcome")), ("cases", _t("Cases"))], rows)
