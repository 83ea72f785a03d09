"""How far readers agree with one another, by pair and all together."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _t

from cases.evidence import words
from cases.evidence.cards.card import NO_VALUE, Card, Cell, Links, Table
from cases.evidence.measures.kappa import cohen_kappa
from cases.evidence.measures.proportions import share
from cases.evidence.measures.raters import ac1, counts_of, fleiss_kappa, krippendorff_alpha, percent_agreement
from cases.evidence.thresholds import thresholds

if TYPE_CHECKING:
    from uuid import UUID

    from cases.evidence.study import Study

# A class that more than this share of the readings name pulls kappa down, whatever the agreement is.
DOMINANT = 0.8


def card(study: Study, links: Links) -> Card:
    """A matrix of pairs; below, the measures over all readers."""
    title = _t("Agreement between readers")
    by_case: dict[str, dict[UUID, str]] = defaultdict(dict)
    for read in study.reads:
        if read.case in study.read_by_several:
            by_case[read.case][read.reader] = read.own
    several = list(by_case.values())
    if not several:
        return Card("agreement", title, _t("No case was read by two readers yet."))
    pairs: dict[tuple[UUID, UUID], Counter[tuple[str, str]]] = defaultdict(Counter)
    for reads in several:
        for one, other in combinations(sorted(reads, key=str), 2):
            pairs[one, other][reads[one], reads[other]] += 1
    return Card(
        "agreement",
        title,
        _sentence(study, several),
        table=_pairs(study, links, pairs),
        lists=[_matrix(study, links, pairs)],
        notes=[
            *_why_low(study, several),
            _whose(study),
            _t("Intervals count each case apart, also those of one patient."),
        ],
        link=(_t("Cases on which readers differ"), links.cases(differ="readers")),
        is_wide=True,
    )


def _whose(study: Study) -> str:
    if study.is_sequential:
        return _t("Compared are the blind first reads, which owe the network nothing, where there are any.")
    return _t(
        "Compared are reads that were given with the network in sight: they agree more than blind ones."
    )


def _sentence(study: Study, several: list[dict[UUID, str]]) -> str:
    readings = [list(reads.values()) for reads in several]
    classes = sorted({code for unit in readings for code in unit} | set(study.classes))
    counts = counts_of(readings, classes)
    observed = percent_agreement(counts)
    told = _t("Of %(n)d cases with two readers or more, pairs of readers agree in %(percent)s.")
    sentence = told % {"n": len(several), "percent": words.percent(observed or 0.0)}
    used = {code for unit in readings for code in unit}
    if len(several) < thresholds().kappa or len(used) < 2:  # noqa: PLR2004 - one class is no choice
        return f"{sentence} " + _t(
            "Too few for measures beyond chance: they need %(n)d cases and two classes."
        ) % {"n": thresholds().kappa}
    measures = _t("AC1 %(ac1)s, alpha %(alpha)s, Fleiss' kappa %(fleiss)s; 95 %% intervals.") % {
        "ac1": words.estimate_in_words(ac1(counts)),
        "alpha": words.estimate_in_words(krippendorff_alpha(counts)),
        "fleiss": words.estimate_in_words(fleiss_kappa(counts)),
    }
    return f"{sentence} {measures}"


def _why_low(study: Study, several: list[dict[UUID, str]]) -> list[str]:
    named = Counter(code for reads in several for code in reads.values())
    (code, n), total = named.most_common(1)[0], sum(named.values())
    if n / total <= DOMINANT:
        return []
    said = _t(
        "%(percent)s of the readings name one class (%(label)s): kappa and alpha are low then even where "
        "readers "
        "agree, since chance alone would agree often, and of fewer than some hundred cases their intervals "
        "are too narrow. AC1 is not pulled down by it."
    )
    return [said % {"percent": words.percent(n / total), "label": study.label(code)}]


def _agreed(counts: Counter[tuple[str, str]]) -> tuple[int, int]:
    return sum(n for (one, other), n in counts.items() if one == other), sum(counts.values())


def _pairs(study: Study, links: Links, pairs: dict[tuple[UUID, UUID], Counter[tuple[str, str]]]) -> Table:
    heads = [
        ("reader", _t("Reader")),
        ("other_reader", _t("Other reader")),
        ("agreed", _t("Same class")),
        ("n", _t("Cases of both")),
        ("agreement", _t("Agreement")),
        ("kappa", _t("Cohen's kappa, 95 % interval")),
    ]
    rows = []
    for (one, other), counts in pairs.items():
        hits, n = _agreed(counts)
        rows.append(
            [
                Cell(study.readers[one], link=links.cases(reader=one, differ="readers")),
                Cell(study.readers[other], link=links.cases(reader=other, differ="readers")),
                Cell(str(hits), hits),
                Cell(str(n), n),
                Cell(words.share_in_words(share(hits, n)), hits / n),
                _kappa(counts),
            ]
        )
    return Table(heads, rows)


def _kappa(counts: Counter[tuple[str, str]]) -> Cell:
    found = cohen_kappa(counts)
    if found.n < thresholds().kappa or found.value is None:
        return NO_VALUE
    return Cell(words.estimate_in_words(found), found.value)


def _matrix(study: Study, links: Links, pairs: dict[tuple[UUID, UUID], Counter[tuple[str, str]]]) -> Table:
    readers = [reader for reader in study.readers if any(reader in pair for pair in pairs)]
    rows = []
    for one in readers:
        cells = [Cell(study.readers[one])]
        for other in readers:
            pair = (one, other) if (one, other) in pairs else (other, one)
            cells.append(_square(pairs[pair], links, one) if pair in pairs else NO_VALUE)
        rows.append(cells)
    heads = [("reader", _t("Reader")), *((str(reader), study.readers[reader]) for reader in readers)]
    return Table(
        heads, rows, _t("Percent agreement by pair, with Cohen's kappa where there are enough cases")
    )


def _square(counts: Counter[tuple[str, str]], links: Links, reader: UUID) -> Cell:
    hits, n = _agreed(counts)
    found = cohen_kappa(counts)
    few = n < thresholds().percentage
    shown = words.hits(share(hits, n)) if few else words.percent(hits / n)
    if found.value is not None and n >= thresholds().kappa:
        shown += f" · κ {words.number(found.value)}"
    depth = 0 if few else min(4, 1 + int(4 * hits / n))
    return Cell(shown, hits / n, links.cases(reader=reader, differ="readers"), depth)
