"""Which class is taken for which: before, after, and by the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _t

from cases.evidence.cards.accuracy import Judged, judged
from cases.evidence.cards.card import Card, Cell, Links, Table

if TYPE_CHECKING:
    from cases.evidence.study import Study


def card(study: Study, links: Links) -> Card:
    """A table each, known classes by row."""
    title = _t("Which class is taken for which")
    who = judged(study)
    if not who:
        return Card("confusion", title, _t("No read of a case with a known class yet."))
    squares = [_square(study, links, each) for each in who]
    heads = [
        ("who", _t("Who")),
        ("known_class", _t("Known class")),
        ("called", _t("Called")),
        ("n", _t("How often")),
    ]
    rows = [
        [
            Cell(each.title),
            Cell(study.label(truth), truth),
            Cell(study.label(call), call),
            Cell(str(n), n, links.cases(known=truth, read=call) if each.name == "after" else ""),
        ]
        for each in who
        for (truth, call), n in sorted(each.counts.items())
    ]
    return Card(
        "confusion",
        title,
        _t("Rows are the known class, columns what it was called; the deeper a cell, the larger its share."),
        table=Table(heads, rows),
        lists=squares,
        is_wide=True,
    )


def _square(study: Study, links: Links, each: Judged) -> Table:
    counts = each.counts
    truths = [code for code in study.classes if any(truth == code for truth, _call in counts)]
    called = list(study.classes) + sorted({call for _truth, call in counts} - set(study.classes))
    rows = []
    for truth in truths:
        total = sum(counts.get((truth, call), 0) for call in called)
        cells = [Cell(study.label(truth), class_code=truth)]
        for call in called:
            n = counts.get((truth, call), 0)
            depth = min(4, 1 + int(4 * n / total)) if n else 0
            link = links.cases(known=truth, read=call) if n and each.name == "after" else ""
            cells.append(Cell(str(n), n, link, depth))
        rows.append(cells)
    heads = [("known_class", _t("Known class")), *((code, study.label(code)) for code in called)]
    return Table(heads, rows, each.title)
