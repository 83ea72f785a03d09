"""Readers by cases: whether readers do better with the network, by Obuchowski and Rockette."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from django.utils.translation import gettext as _t

from cases.evidence import words
from cases.evidence.cards.card import DASH, NO_VALUE, Card, Cell, Links, Table
from cases.evidence.drawing import WIDTH, Drawing, at, diamond, dot, line, percent_axis, ring, text
from cases.evidence.measures.mrmc import Mrmc, Test, mrmc
from cases.evidence.thresholds import thresholds

if TYPE_CHECKING:
    from uuid import UUID

    from numpy.typing import NDArray

    from cases.evidence.measures.estimate import Estimate, Floats
    from cases.evidence.study import Study

ROW = 36


@dataclass(frozen=True)
class Crossed:
    """The cases that all readers read in both conditions. truths: the class of each case. said, sure: the
    class that was named and the confidence, (condition, reader, case). read_by_some: known cases with any
    such read.
    """

    readers: list[UUID]
    cases: list[str]
    truths: NDArray[np.object_]
    said: NDArray[np.object_]
    sure: Floats
    read_by_some: int

    def are(self, code: str) -> NDArray[np.bool_]:
        """Whether each case is of this class."""
        return np.asarray(self.truths == code, dtype=bool)


def crossed(study: Study) -> Crossed:
    """What of the study is fully crossed: every reader before and after, on the same known cases."""
    read_by = Counter(read.case for read in study.sequential if read.truth)
    seen = {read.reader for read in study.sequential if read.truth}
    readers = [reader for reader in study.readers if reader in seen]
    cases = sorted(case for case, n in read_by.items() if n == len(readers))
    rows = {reader: row for row, reader in enumerate(readers)}
    columns = {case: column for column, case in enumerate(cases)}
    truths = np.empty(len(cases), dtype=object)
    said = np.empty((2, len(readers), len(cases)), dtype=object)
    sure = np.empty(said.shape)
    for read in study.sequential:
        column = columns.get(read.case)
        if column is not None:
            truths[column], row = read.truth, rows[read.reader]
            said[:, row, column] = read.before, read.after
            sure[:, row, column] = read.before_confidence, read.confidence
    return Crossed(readers, cases, truths, said, sure, len(read_by))


def analysed(study: Study, found: Crossed, code: str) -> Mrmc | None:
    """AUC of one class against the others; None where fewer than two cases lie on either side.

    A rating is the confidence, below zero where the reader named another class.
    """
    if not found.readers or not found.cases:
        return None
    truth = found.are(code)
    if min(truth.sum(), (~truth).sum()) < 2:  # noqa: PLR2004 - one case has no spread
        return None
    return mrmc(truth, np.where(found.said == code, found.sure, -found.sure))


def card(study: Study, links: Links) -> Card:
    """A dumbbell a reader from before to after, and the three analyses."""
    title = _t("Readers with the network, over readers and cases")
    found = crossed(study)
    if not found.readers:
        return Card("mrmc", title, _t("No blind first read of a case with a known class yet."))
    code = study.negative_class or next(iter(study.classes), "")
    result = analysed(study, found, code)
    if result is None:
        said = _t(
            "The design is not crossed: of %(some)d cases of known class, %(all)d were read by all "
            "%(readers)d "
            "readers before and after. The analysis needs two cases with and two without the class."
        )
        told = {"some": found.read_by_some, "all": len(found.cases), "readers": len(found.readers)}
        return Card("mrmc", title, said % told)
    return Card(
        "mrmc",
        title,
        _sentence(study, found, result, code),
        drawing=_drawing(study, found, result, title),
        table=_by_reader(study, links, found, result),
        lists=[_analyses(result), _components(result)] if _is_enough(study, found, code) else [],
        notes=[
            _t(
                "AUC of “%(label)s” against all other classes; a rating is the confidence, below zero "
                "where the "
                "reader named another class. Only the %(n)d cases that all %(readers)d readers read in both "
                "conditions count, of %(some)d. The design is sequential."
            )
            % {
                "label": study.label(code),
                "n": len(found.cases),
                "readers": len(found.readers),
                "some": found.read_by_some,
            },
            _t(
                "Obuchowski and Rockette 1995, Hillis 2007; jackknife over cases, which count apart, also "
                "those of one patient. Primary: random readers and cases."
            ),
        ],
        is_wide=True,
    )


def _sides(found: Crossed, code: str) -> tuple[int, int]:
    n = int(found.are(code).sum())
    return n, len(found.cases) - n


def _is_enough(study: Study, found: Crossed, code: str) -> bool:
    least = thresholds()
    return len(found.readers) >= least.readers and min(_sides(found, code)) >= least.side


def _sentence(study: Study, found: Crossed, result: Mrmc, code: str) -> str:
    before, after = (mean.value or 0.0 for mean in result.means)
    told = {"before": words.number(before, 3), "after": words.number(after, 3)}
    means = _t("Mean AUC of the readers: %(before)s before, %(after)s after the network.") % told
    if not _is_enough(study, found, code):
        least = thresholds()
        few = _t(
            "A test needs %(readers)d readers and %(side)d cases on either side: each reader's result stands."
        )
        return f"{means} " + few % {"readers": least.readers, "side": least.side}
    if result.random is None:
        return f"{means} " + _t("No reader changed: there is nothing to test.")
    return f"{means} " + _t("Difference %(difference)s, %(p)s (random readers and cases).") % {
        "difference": words.estimate_in_words(_after_less_before(result.random), 3),
        "p": words.p_value(result.random.p),
    }


def _after_less_before(test: Test) -> Estimate:
    found = test.differences[0, 1]
    return replace(
        found,
        value=-(found.value or 0.0),
        low=None if found.high is None else -found.high,
        high=None if found.low is None else -found.low,
    )


def _drawing(study: Study, found: Crossed, result: Mrmc, title: str) -> Drawing:
    values = result.values
    low = max(0.0, np.floor(10 * (values.min() - 0.02)) / 10)
    bottom = 30 + ROW * (len(found.readers) + 1)
    marks = percent_axis(bottom, 24, low, 1.0)
    marks += [ring(8, 10, tone="ink"), text(18, 14, _t("before"), tone="soft")]
    marks += [dot(88, 10, tone="lit"), text(98, 14, _t("after"), tone="soft")]
    described = []
    for index, reader in enumerate(found.readers):
        y, (before, after) = 30 + ROW * index, values[:, index]
        told = f"{words.number(before, 3)} → {words.number(after, 3)}"
        marks += [
            text(0, y + 10, study.readers[reader]),
            text(WIDTH, y + 10, told, anchor="end", tone="soft"),
        ]
        marks += [line(at(before, low), y + 21, at(after, low), y + 21, "range")]
        marks += [ring(at(before, low), y + 21), dot(at(after, low), y + 21, tone="lit")]
        described.append(f"{study.readers[reader]}: {told}")
    y, (before, after) = 30 + ROW * len(found.readers), (mean.value or 0.0 for mean in result.means)
    told = f"{words.number(before, 3)} → {words.number(after, 3)}"
    marks += [text(0, y + 10, _t("Mean")), text(WIDTH, y + 10, told, anchor="end", tone="soft")]
    marks += [line(at(before, low), y + 21, at(after, low), y + 21, "range")]
    marks += [diamond(at(before, low), y + 21, "hollow"), diamond(at(after, low), y + 21, "lit")]
    marks.append(text(WIDTH / 2, bottom + 32, _t("AUC, percent"), anchor="middle", tone="soft"))
    return Drawing(title, "; ".join([*described, f"{_t('Mean')}: {told}"]), bottom + 38, marks)


def _by_reader(study: Study, links: Links, found: Crossed, result: Mrmc) -> Table:
    heads = [
        ("reader", _t("Reader")),
        ("auc_before", _t("AUC before")),
        ("auc_after", _t("AUC after")),
        ("difference", _t("Difference")),
    ]
    rows = [
        [
            Cell(study.readers[reader], link=links.cases(reader=reader)),
            Cell(words.number(before, 3), float(before)),
            Cell(words.number(after, 3), float(after)),
            Cell(words.number(after - before, 3), float(after - before)),
        ]
        for reader, (before, after) in zip(found.readers, result.values.T, strict=True)
    ]
    return Table(heads, rows)


def _analyses(result: Mrmc) -> Table:
    heads = [
        ("analysis", _t("Analysis")),
        ("statistic", _t("F or X²")),
        ("df", _t("Degrees of freedom")),
        ("p", "p"),
        ("difference", _t("After less before, 95 % interval")),
    ]
    named = (
        (_t("Random readers, random cases (primary)"), result.random),
        (_t("These readers, random cases"), result.fixed_readers),
        (_t("Random readers, these cases"), result.fixed_cases),
    )
    return Table(
        heads, [_analysis(name, test) for name, test in named], _t("Three analyses, which may differ")
    )


def _analysis(name: str, test: Test | None) -> list[Cell]:
    if test is None:
        return [Cell(name), *([NO_VALUE] * 4)]
    df = f"{test.df1}" if test.df2 is None else f"{test.df1}; {words.number(test.df2, 1)}"
    return [
        Cell(name),
        Cell(words.number(test.statistic), test.statistic),
        Cell(df),
        Cell(words.p_value(test.p), test.p),
        Cell(words.estimate_in_words(_after_less_before(test), 3)),
    ]


def _components(result: Mrmc) -> Table:
    found = result.components
    named = {
        "MS(T)": found.ms_t,
        "MS(R)": found.ms_r,
        "MS(TR)": found.ms_tr,
        _t("error variance"): found.var_error,
        "Cov1": found.cov1,
        "Cov2": found.cov2,
        "Cov3": found.cov3,
        _t("variance of readers"): found.var_r,
        _t("variance of readers by condition"): found.var_tr,
    }
    rows = [
        [Cell(name), Cell(DASH if value is None else words.number(value, 6), value)]
        for name, value in named.items()
    ]
    heads = [("component", _t("Component")), ("estimate", _t("Estimate"))]
    return Table(heads, rows, _t("As estimated; a variance may be below zero"))
