"""Against the known class: networks and readers, before and after, together and class by class."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _t

from cases.evidence import words
from cases.evidence.cards.card import NO_VALUE, Card, Cell, Links, Table
from cases.evidence.drawing import WIDTH, Drawing, Mark, at, bar, class_point, diamond, percent_axis, text
from cases.evidence.measures.per_class import Calls, ClusteredFigures
from cases.evidence.measures.proportions import Share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cases.evidence.study import Study

ROW = 36


@dataclass(frozen=True)
class Judged:
    """Calls of one kind on cases of known class."""

    name: str
    title: str
    short: str
    calls: Calls

    @cached_property
    def right(self) -> Share:
        """How many of the calls are right."""
        return self.calls.right

    @cached_property
    def counts(self) -> dict[tuple[str, str], int]:
        """The calls by (known class, class that was called)."""
        return self.calls.counts

    @cached_property
    def by_class(self) -> dict[str, ClusteredFigures]:
        """The figures of each class that occurs, clustered; in alphabetical order."""
        return {code: self.calls.of_class(code) for code in sorted({truth for truth, _call in self.counts})}


def judged(study: Study) -> list[Judged]:
    """Each network, the readers before, and the readers after; who has called nothing is left out."""
    networks = [
        Judged(
            f"network:{version}",
            _t("Network %(name)s") % {"name": version},
            version,
            Calls((r.cluster, r.truth, r.predicted) for r in study.results if r.version == version),
        )
        for version in study.versions
    ]
    before = Judged(
        *("before", _t("Readers before the network"), _t("readers before")),
        Calls((r.cluster, r.truth, r.before) for r in study.sequential if r.truth),
    )
    final = _t("Readers after the network") if before.calls else _t("Readers, the network in sight")
    short = _t("readers after") if before.calls else _t("readers")
    after = Judged(
        "after", final, short, Calls((r.cluster, r.truth, r.after) for r in study.reads if r.truth)
    )
    return [each for each in (*networks, before, after) if each.calls]


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
            (f"{study.label(code)} · {each.short}", code, each.by_class[code].sensitivity)
            for each in who
            if code in each.by_class
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
                "case, belong together. Precision, specificity and F1 are of one class against all others; "
                "F1 is taken as the share of right ones among cases and calls of the class."
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
        ("specificity", _t("Specificity, 95 % interval")),
        ("precision", _t("Precision, 95 % interval")),
        ("f1", _t("F1, 95 % interval")),
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
        for found in map(each.calls.of_class, codes):
            share = found.sensitivity
            rows.append(
                [
                    Cell(each.title),
                    Cell(study.label(found.code), found.code, class_code=found.code),
                    Cell(str(share.hits), share.hits),
                    Cell(str(share.n), share.n, links.cases(known=found.code)),
                    Cell(words.share_in_words(share), share.value),
                    Cell(words.brief_with_span(found.specificity), found.specificity.value),
                    Cell(words.brief_with_span(found.ppv), found.ppv.value),
                    Cell(words.ratio_in_words(found.f1), found.f1.value),
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
