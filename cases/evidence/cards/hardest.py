"""The cases that readers got wrong most often."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext as _t

from cases.evidence import words
from cases.evidence.cards.card import Card, Cell, Links, Table
from cases.evidence.measures.proportions import Share, share

if TYPE_CHECKING:
    from cases.evidence.study import Read, Study

MOST = 10


def card(study: Study, links: Links) -> Card:
    """A table by share right, the hardest first; of cases that two readers or more have read."""
    title = _t("The hardest cases")
    by_case: dict[str, list[Read]] = defaultdict(list)
    for read in study.reads:
        if read.truth and read.case in study.read_by_several:
            by_case[read.case].append(read)
    missed = ((_right(reads), case, reads) for case, reads in by_case.items())
    wrong = sorted((row for row in missed if row[0].misses), key=lambda row: (row[0].value, row[1]))
    if not by_case:
        return Card("hardest", title, _t("No case of known class was read by two readers yet."))
    all_right = len(by_case) - len(wrong)
    told = _t("Of %(n)d cases of known class with two readers or more, all readers were right in %(right)d.")
    return Card(
        "hardest",
        title,
        told % {"n": len(by_case), "right": all_right},
        table=_table(study, wrong),
        lists=[_table(study, wrong[:MOST])] if wrong else [],
        tells_of=[code for _share, code, _reads in wrong],
        notes=[_t("Counted is each reader's last word.")],
        is_tall=True,
    )


def _right(reads: list[Read]) -> Share:
    return share(sum(read.after == read.truth for read in reads), len(reads))


def _table(study: Study, wrong: list[tuple[Share, str, list[Read]]]) -> Table:
    heads = [
        ("case", _t("Case")),
        ("known_class", _t("Known class")),
        ("right", _t("Right")),
        ("said_instead", _t("Said instead")),
        ("network", _t("Network")),
    ]
    return Table(heads, [_row(study, right, code, reads) for right, code, reads in wrong])


def _row(study: Study, right: Share, code: str, reads: list[Read]) -> list[Cell]:
    truth = reads[0].truth
    instead = Counter(read.after for read in reads if read.after != truth)
    said = ", ".join(f"{study.label(other)} ({n})" for other, n in instead.most_common())
    return [
        Cell(code, link=reverse("cases:case", args=[code])),
        Cell(study.label(truth), truth, class_code=truth),
        Cell(words.hits(right), right.value),
        Cell(said),
        Cell(study.label(reads[0].network), reads[0].network),
    ]
