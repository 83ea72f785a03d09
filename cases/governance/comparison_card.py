"""A comparison as the page draws it: the verdict in a sentence, each bound with what was found, and the cases
behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _t

from cases.classes import known_classes
from cases.evidence import words
from cases.evidence.cards.card import DASH, Card, Cell, Table, number_cell
from cases.evidence.cards.versions import difference_drawing
from cases.governance.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cases.evidence.drawing import Drawing
    from cases.governance.verdict import ClassFigures, Comparison
    from cases.models import AcceptanceBounds


def comparison_card(bounds: AcceptanceBounds, found: Comparison) -> Card:
    """The card; its name in files is the id of the bounds."""
    return Card(
        str(bounds.pk),
        _t("The comparison"),
        _sentence(found),
        drawing=_drawing(bounds, found),
        lists=[_bounds(found)],
        table=_cases(bounds, found),
        notes=[*_notes(found)],
        is_wide=True,
    )


def verdict_in_words(verdict: Verdict) -> str:
    """As pages say it."""
    return {
        Verdict.MET: _t("met"),
        Verdict.NOT_MET: _t("not met"),
        Verdict.TOO_FEW: _t("too few cases"),
    }[verdict]


def _sentence(found: Comparison) -> str:
    said = {
        Verdict.MET: _t("Every bound is met."),
        Verdict.NOT_MET: _t("Not every bound is met."),
        Verdict.TOO_FEW: _t("There are too few cases to say whether every bound is met."),
    }[found.verdict]
    gain = found.difference
    if gain.value is None or gain.low is None or gain.high is None:
        return f"{said} {words.share_in_words(found.second)}"
    right = _t(
        "On %(n)d cases (%(clusters)d clusters by patient) the candidate is right %(difference)s points more "
        "often (95 %% interval %(low)s to %(high)s)."
    )
    return f"{said} " + right % {
        "n": found.pairs.n,
        "clusters": found.clusters,
        "difference": words.points(gain.value),
        "low": words.points(gain.low),
        "high": words.points(gain.high),
    }


def _drawing(bounds: AcceptanceBounds, found: Comparison) -> Drawing | None:
    gain = found.difference
    if gain.value is None or gain.low is None or gain.high is None:
        return None
    interval = (gain.value, gain.low, gain.high)
    return difference_drawing(_t("The comparison"), bounds.candidate.name, interval, found.margin)


def _bounds(found: Comparison) -> Table:
    heads = [
        ("what", _t("What")),
        ("in_use", _t("In use")),
        ("candidate", _t("Candidate")),
        ("bound", _t("Bound")),
        ("verdict", _t("Verdict")),
    ]
    return Table(heads, [_of_all(found), *map(_of_class, found.classes)], caption=_t("Bound by bound"))


def _of_all(found: Comparison) -> list[Cell]:
    bound = _t("difference at least %(margin)s points") % {"margin": words.points(-found.margin)}
    return [
        Cell(_t("Right")),
        Cell(words.brief(found.first), found.first.value),
        Cell(words.brief(found.second), found.second.value),
        Cell(bound, -found.margin),
        Cell(verdict_in_words(found.margin_verdict)),
    ]


def _of_class(each: ClassFigures) -> list[Cell]:
    label = str(known_classes().get(each.code, each.code))
    second = words.brief_with_span(each.second)
    bound = Cell(DASH, "")
    if each.least is not None:
        bound = Cell(_t("lower limit at least %(share)s") % {"share": words.percent(each.least)}, each.least)
    return [
        Cell(_t("Recall of %(class)s") % {"class": label}, each.code),
        Cell(words.brief(each.first), each.first.value),
        Cell(second, each.second.value),
        bound,
        Cell(verdict_in_words(each.verdict) if each.verdict else DASH),
    ]


def _cases(bounds: AcceptanceBounds, found: Comparison) -> Table:
    pairs, only = found.pairs, _t("Only %(name)s right")
    rows = [
        [Cell(_t("Both right")), number_cell(pairs.both)],
        [Cell(only % {"name": bounds.candidate.name}), number_cell(pairs.only_first)],
        [Cell(only % {"name": bounds.against.name}), number_cell(pairs.only_second)],
        [Cell(_t("Both wrong")), number_cell(pairs.neither)],
    ]
    return Table([("outcome", _t("Outcome")), ("cases", _t("Cases"))], rows)


def _notes(found: Comparison) -> Iterator[str]:
    yield _t(
        "Interval of the difference: %(method)s; of shares: Wilson's, widened where patients have several "
        "cases. What a gate refused counts as not right."
    ) % {"method": found.difference.method or DASH}
    if found.without_result:
        yield _t("Of %(n)d cases the candidate has no result; they count as not right.") % {
            "n": found.without_result
        }
    why = {
        "simulated": _t("%(n)d simulated"),
        "no_answer": _t("%(n)d whose class nobody knows or agrees on"),
        "not_analysed": _t("%(n)d without a result of the network in use"),
        "trained_on": _t("%(n)d that one of the two was trained on"),
    }
    told = [why[name] % {"n": n} for name, n in found.left_out.items()]
    if told:
        yield _t("Left out: %(what)s.") % {"what": "; ".join(told)}
