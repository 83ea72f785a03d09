"""The influence ledger: what seeing the network did, reader by reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _t

from cases.evidence import words
from cases.evidence.cards.card import Card, Cell, Links, Table, number_cell
from cases.evidence.drawing import WIDTH, Drawing, Mark, bar, line, text
from cases.evidence.measures.ledger import Ledger, ledger
from cases.evidence.thresholds import thresholds

if TYPE_CHECKING:
    from uuid import UUID

    from cases.evidence.study import Study

ROW = 44
# Where nothing changed is; what became wrong reaches to its left.
CENTRE, LEFTMOST, RIGHTMOST, OTHERS_FROM = 130, 6, 290, 322


def all_reads(study: Study) -> Ledger:
    """The ledger of all reads together."""
    return ledger(read.in_sequence() for read in study.sequential)


def headline(study: Study) -> str:
    """The one sentence on top of the page."""
    found = all_reads(study)
    if not found.n:
        return _t("No read was committed before the network was shown, so that its influence cannot be told.")
    parts = [
        _t("%(n)d to right") % {"n": found.to_right},
        _t("%(n)d to wrong") % {"n": found.to_wrong},
        _t("%(n)d from wrong to wrong") % {"n": found.other_wrong},
    ]
    if found.unknown:
        parts.append(_t("%(n)d of unknown class") % {"n": found.unknown})
    told = {"hits": found.changed.hits, "n": found.n, "parts": ", ".join(parts)}
    told |= {"interval": words.span(found.changed), "percent": words.percent(found.changed.value or 0.0)}
    if found.n < thresholds().percentage:
        few = _t(
            "The network changed %(hits)d of %(n)d reads: %(parts)s. Too few for a percentage: by chance "
            "anything "
            "from %(interval)s fits."
        )
        return few % told
    sentence = _t(
        "The network changed %(hits)d of %(n)d reads (%(percent)s, 95 %% interval %(interval)s): %(parts)s."
    )
    return sentence % told


def card(study: Study, links: Links) -> Card:
    """One row a reader, who has most first; below, the reads by who was right."""
    title = _t("What the network changed")
    if not study.is_sequential:
        return Card(
            "influence",
            title,
            _t(
                "No read of this cohort was committed blind before the network was shown. It needs a "
                "protocol "
                "of “commit, then reveal”."
            ),
        )
    everything = all_reads(study)
    by_reader = {
        reader: ledger(read.in_sequence() for read in study.sequential if read.reader == reader)
        for reader in study.readers
    }
    rows = sorted(((r, found) for r, found in by_reader.items() if found.n), key=lambda row: -row[1].n)
    return Card(
        "influence",
        title,
        _t("Reader by reader, who has most first. The numbers behind it lead to their cases."),
        drawing=_drawing(study, title, rows),
        table=Table(_columns(), [_row(study, links, *row) for row in rows]),
        notes=[
            _t(
                "Counted are blind first reads, and the same reader's last word before anything but the "
                "network's "
                "result was seen. It is a sequential design: the same reader, before and after."
            ),
            _t("The interval is Wilson's on the effective number of reads, by patient or case."),
        ],
        lists=[_crossed(everything), _reliance(everything)],
        is_wide=True,
    )


def _columns() -> list[tuple[str, str]]:
    """The head of the table by reader."""
    return [
        ("reader", _t("Reader")),
        ("reads", _t("Reads")),
        ("changed", _t("Changed")),
        ("to_right", _t("To right")),
        ("to_wrong", _t("To wrong")),
        ("wrong_to_wrong", _t("Wrong to wrong")),
        ("unknown_class", _t("Of unknown class")),
    ]


def _row(study: Study, links: Links, reader: UUID, found: Ledger) -> list[Cell]:
    def of(changed: str) -> str:
        return links.cases(reader=reader, changed=changed)

    return [
        Cell(study.readers[reader]),
        number_cell(found.n, links.cases(reader=reader)),
        number_cell(found.changed.hits, of("any")),
        number_cell(found.to_right, of("to_right")),
        number_cell(found.to_wrong, of("to_wrong")),
        number_cell(found.other_wrong, of("other_wrong")),
        number_cell(found.unknown),
    ]


def _drawing(study: Study, title: str, rows: list[tuple[UUID, Ledger]]) -> Drawing:
    most_right = max(found.to_right for _reader, found in rows)
    most_wrong = max(found.to_wrong for _reader, found in rows)
    most_other = max(found.other_wrong for _reader, found in rows)
    unit = min(
        (RIGHTMOST - CENTRE - 24) / max(most_right, 1),
        (CENTRE - LEFTMOST - 24) / max(most_wrong, 1),
        (WIDTH - OTHERS_FROM - 26) / max(most_other, 1),
        14,
    )
    bottom = 34 + ROW * len(rows)
    marks = [
        text(CENTRE - 6, 14, _t("← to wrong"), anchor="end", tone="warn"),
        text(CENTRE + 6, 14, _t("to right →"), tone="ok"),
        text(WIDTH, 14, _t("wrong to wrong"), anchor="end", tone="soft"),
        line(CENTRE, 22, CENTRE, bottom - 8),
    ]
    for index, (reader, found) in enumerate(rows):
        marks += _bars(study.readers[reader], found, 34 + ROW * index, unit)
    described = "; ".join(
        _t("%(reader)s: of %(n)d reads %(right)d to right, %(wrong)d to wrong, %(other)d from wrong to wrong")
        % {
            "reader": study.readers[reader],
            "n": found.n,
            "right": found.to_right,
            "wrong": found.to_wrong,
            "other": found.other_wrong,
        }
        for reader, found in rows
    )
    return Drawing(title, described, bottom, marks)


def _bars(reader: str, found: Ledger, y: float, unit: float) -> list[Mark]:
    changed = _t("%(hits)d of %(n)d changed") % {"hits": found.changed.hits, "n": found.n}
    marks = [text(0, y + 6, reader), text(WIDTH, y + 6, changed, anchor="end", tone="soft")]
    for n, start, way, tone in (
        (found.to_right, CENTRE, 1, "ok"),
        (found.to_wrong, CENTRE, -1, "warn"),
        (found.other_wrong, OTHERS_FROM, 1, "hollow"),
    ):
        if n:
            end = start + way * unit * n
            marks += [bar(start, y + 14, way * unit * n, 14, tone)]
            marks += [text(end + 5 * way, y + 26, str(n), anchor="start" if way > 0 else "end")]
    return marks


def _crossed(found: Ledger) -> Table:
    """Network, before and after, right or wrong each."""
    right, wrong = _t("Right"), _t("Wrong")
    rows = [
        [
            Cell(right if network else wrong),
            Cell(right if before else wrong),
            number_cell(found.table.get((network, before, True), 0)),
            number_cell(found.table.get((network, before, False), 0)),
        ]
        for network in (True, False)
        for before in (True, False)
    ]
    heads = [
        ("network", _t("Network")),
        ("before", _t("Reader before")),
        ("after_right", _t("Right after")),
        ("after_wrong", _t("Wrong after")),
    ]
    caption = _t("%(n)d reads of cases of known class") % {"n": found.known}
    return Table(heads, rows, caption)


def _reliance(found: Ledger) -> Table:
    rows = [
        [Cell(_t("Followed a right network, being wrong (RAIR)")), Cell(words.share_in_words(found.rair))],
        [Cell(_t("Resisted a wrong network, being right (RSR)")), Cell(words.share_in_words(found.rsr))],
    ]
    return Table(
        [("reliance", _t("Reliance")), ("share", _t("Share"))], rows, _t("After Schemmer and others, 2023")
    )
