"""Where study administrators compare two network versions on their cohort."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _t
from django.views.decorators.http import require_safe

from cases import disclosures
from cases.access import PageRequest, signed_in
from cases.classes import known_classes
from cases.cohorts import chosen_cohort
from cases.evidence import charts, comparison, words
from cases.interim import figures_are_closed
from cases.lifecycle import GateVerdict, Shown
from cases.models import ModelVersion
from cases.snapshot import one_snapshot

if TYPE_CHECKING:
    from django.http import QueryDict

    from cases.evidence.comparison import PairedResult
    from cases.models import Cohort

DIFFERING_A_PAGE = 25


@require_safe
@signed_in
def compare(request: PageRequest) -> HttpResponse:
    """Two network versions on the same images of a cohort."""
    _, cohort = chosen_cohort(request.user, request.GET.get("cohort", ""))
    with one_snapshot():
        context = _compared(cohort, request.GET)
    told = {row["case"].pk for row in context.get("rows", ())}
    disclosures.record(to=request.user, cases=told, kinds=[Shown.NETWORK])
    return render(request, "evidence/compare.html", context)


def _compared(cohort: Cohort, query: QueryDict) -> dict[str, Any]:
    versions = list(comparison.versions_in(cohort))
    context: dict[str, Any] = {"cohort": cohort, "versions": versions}
    if len(versions) < 2:  # noqa: PLR2004 - there is nothing to compare
        return context
    first = _chosen_version(versions, query.get("first", ""), versions[-2])
    second = _chosen_version(versions, query.get("second", ""), versions[-1])
    found = comparison.compare(cohort, first, second)
    pages = Paginator(comparison.differing(cohort, first, second), DIFFERING_A_PAGE)
    page = pages.get_page(query.get("page"))
    return context | {
        "first": first,
        "second": second,
        "found": found,
        "agreed_range": charts.interval(found.agreed),
        "confusion": charts.confusion_rows(found.counts, known_classes()),
        "duels": [] if figures_are_closed(cohort) else _duels(found, first, second),
        "page": page,
        "rows": list(_rows(page.object_list, first, second)),
    }


def _chosen_version(versions: list[ModelVersion], wanted: str, otherwise: ModelVersion) -> ModelVersion:
    if not wanted:
        return otherwise
    chosen = next((version for version in versions if version.name == wanted), None)
    if chosen is None:
        raise Http404
    return chosen


def _duels(
    found: comparison.Comparison, first: ModelVersion, second: ModelVersion
) -> list[dict[str, object]]:
    """The comparisons with a truth that there are, as the page draws them."""
    titles = (
        (found.known, _t("Against the known class"), False),
        (found.read, _t("Against the readers"), True),
    )
    return [
        {
            "title": title,
            "duel": duel,
            "p": None if duel.p_value is None else words.p_value(duel.p_value),
            "of_readers": of_readers,
            "sides": [
                {"name": version.name, "share": each, "range": charts.interval(each)}
                for version, each in ((first, duel.first), (second, duel.second))
            ],
        }
        for duel, title, of_readers in titles
        if duel is not None
    ]


def _rows(
    results: Iterable[PairedResult], first: ModelVersion, second: ModelVersion
) -> Iterator[dict[str, Any]]:
    """The images on which they differ, as the page lists them."""
    for found in results:
        before = _side(
            first, found.before_predicted_class, found.before_confidence, found.before_gate_verdict
        )
        after = _side(second, found.predicted_class, found.confidence, found.gate_verdict)
        yield {"case": found.image.case, "sides": (before, after)}


def _side(version: ModelVersion, code: str, confidence: float, verdict: str) -> dict[str, object]:
    return {
        "name": version.name,
        "code": code,
        "label": version.class_labels.get(code, code),
        "percent": 100 * confidence,
        "refused": verdict == GateVerdict.REFUSED,
    }
