"""Against the known class: networks and readers, before and after, together and class by class."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _t

from cases.evidence import words
from cases.evidence.cards.card import DASH, NO_VALUE, Card, Cell, Links, Table
from cases.evidence.drawing import WIDTH, Drawing, Mark, at, bar, class_point, diamond, percent_axis, text
from cases.evidence.measures.ledger import ByCluster
from cases.evidence.measures.per_class import class_figures
from cases.evidence.measures.proportions import Share, clustered_share

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cases.evidence.study import Study

ROW = 36


@dataclass(frozen=True)
class Judged:
    """Calls of one kind on cases of known class. right: how many of them are. counts: the calls by (known
    class, class that was called). by_class: the sensitivity for each class that occurs, in alphabetical
    order. Shares are clustered.
    """

    name: str
    title: str
    short: str
    right: Share
    counts: dict[tuple[str, str], int]
    by_class: dict[str, Share]

    def of_class(self, code: str) -> Share:
        """The sensitivity for one class, clustered."""
        return self.by_class.get(code) or clustered_share([])


def judged(study: Study) -> list[Judged]:
    """Each network, the readers before, and the readers after; who has called nothing is left out."""
    networks = [
        _judged(
            f"network:{version}",
            _t("Network %(name)s") % {"name": version},
            version,
            ((r.cluster, r.truth, r.predicted) for r in study.results if r.version == version),
        )
        for version in study.versions
    ]
    before = _judged(
        *("before", _t("Readers before the network"), _t("readers before")),
        ((r.cluster, r.truth, r.before) for r in study.sequential if r.truth),
    )
    final = _t("Readers after the network") if before.right.n else _t("Readers, the network in sight")
    short = _t("readers after") if before.right.n else _t("readers")
    calls = ((r.cluster, r.truth, r.after) for r in study.reads if r.truth)
    after = _judged("after", final, short, calls)
    return [each for each in (*networks, before, after) if each.right.n]


def _judged(name: str, title: str, short: str, calls: Iterable[tuple[str, str, str]]) -> Judged:
    """calls: (cluster, known class, class that was called)."""
    right, own = ByCluster(), defaultdict[str, ByCluster](ByCluster)
    counts: dict[tuple[str, str], int] = {}
    for cluster, truth, call in calls:
        counts[truth, call] = counts.get((truth, call), 0) + 1
        right.add(cluster, truth == call)
        own[truth].add(cluster, truth == call)
    by_class = {code: own[code].share() for code in sorted(own)}
    return Judged(name, title, short, right.share(), counts, by_class)


def card(study: Study, links: Links) -> Card:
    """A forest of shares with their intervals."""
    title = _t("Against the known class")
    who = judged(study)
    if not who:
        needed = _t(
            "No read of a case with a known class yet. It needs known classes: set them by case or by file."
        )
        return Card("accuracy", title, needed)
    codes = sorted({code for each in who for code in each.by_class})
    lines = [(each.title, "", each.right) for each in who]
    for code in codes:
        lines += [
            (f"{study.label(code)} · {each.short}", code, each.of_class(code))
            for each in who
            if each.of_class(code).n
        ]
    best = "; ".join(f"{each.title}: {words.share_in_words(each.right)}" for each in who)
    return Card(
        "accuracy",
        title,
        best,
        drawing=forest(title, lines),
        table=Table(_heads(), _rows(study, links, who, codes)),
        notes=[
            _t(
                "Intervals are Wilson's on the effective number, since cases of one patient, and reads of "
                "one "
                "case, belong together. Precision, specificity and F1 are of one class against all others."
            ),
        ],
        is_tall=True,
    )


def _heads() -> list[tuple[str, str]]:
    """The head of the table of figures by class."""
    return [
        ("who", _t("Who")),
        ("known_class", _t("Known class")),
        ("hits", _t("Right")),
        ("n", _t("Of")),
        ("sensitivity", _t("Sensitivity, 95 % interval")),
        ("specificity", _t("Specificity")),
        ("precision", _t("Precision")),
        ("f1", "F1"),
    ]


def _rows(study: Study, links: Links, who: list[Judged], codes: list[str]) -> list[list[Cell]]:
    rows = []
    for each in who:
        right = each.right
        rows.append(
            [
                Cell(each.title),
                Cell(_t("All")),
                Cell(str(right.hits), right.hits),
                Cell(str(right.n), right.n),
                Cell(words.share_in_words(right), right.value),
                *([NO_VALUE] * 3),
            ]
        )
        for found in class_figures(each.counts, codes):
            share = each.of_class(found.code)
            rows.append(
                [
                    Cell(each.title),
                    Cell(study.label(found.code), found.code, class_code=found.code),
                    Cell(str(share.hits), share.hits),
                    Cell(str(share.n), share.n, links.cases(known=found.code)),
                    Cell(words.share_in_words(share), share.value),
                    Cell(words.brief(found.specificity), found.specificity.value),
                    Cell(words.brief(found.ppv), found.ppv.value),
                    Cell(DASH if found.f1 is None else words.number(found.f1), found.f1),
                ]
            )
    return rows


def forest(title: str, lines: Sequence[tuple[str, str, Share]]) -> Drawing:
    """Shares right with their intervals, a line each: (words, code of a class or nothing, share)."""
    bottom = 8 + ROW * len(lines)
    marks = percent_axis(bottom, 6)
    for index, (label, code, share) in enumerate(lines):
        marks += _line(label, code, share, 8 + ROW * index)
    marks.append(text(WIDTH / 2, bottom + 32, _t("share right, percent"), anchor="middle", tone="soft"))
    described = "; ".join(f"{label}: {words.share_in_words(share)}" for label, _code, share in lines)
    return Drawing(title, described, bottom + 38, marks)


def _line(label: str, code: str, share: Share, y: float) -> list[Mark]:
    marks = [text(0, y + 10, label), text(WIDTH, y + 10, words.brief(share), anchor="end", tone="soft")]
    if share.value is None or share.low is None or share.high is None:
        return marks
    low, high, middle = at(share.low), at(share.high), y + 21
    tone = "class" if code else "range"
    marks.append(bar(low, middle - 1.5, high - low, 3, tone, code))
    marks.append(
        class_point(at(share.value), middle, code) if code else diamond(at(share.value), middle, "lit")
    )
    return marks
