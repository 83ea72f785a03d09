"""Where study administrators have their cohort analysed again, and compare network versions on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from cases.lifecycle import GateVerdict
from cases.models import Cohort, ModelVersion
from cases.selectors import known_classes
from cases.services import reanalysis
from cases.services.model_versions import active_version
from portal.accounts.cohort_choice import chosen_cohort
from portal.accounts.requests import person
from portal.dashboard import charts, comparison

if TYPE_CHECKING:
    from portal.dashboard.comparison import PairedResult

DIFFERING_A_PAGE = 25


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def reanalyse(request: HttpRequest) -> HttpResponse:
    """Say what analysing the cohort with the active version means; a POST queues it."""
    wanted = (request.POST if request.method == "POST" else request.GET).get("cohort", "")
    if not wanted:
        raise Http404
    _, cohort = chosen_cohort(person(request), wanted)
    version = active_version()
    if request.method == "POST":
        if request.POST.get("version") == str(version.pk):
            return _queue(request, cohort)
        messages.warning(request, _t("Another version has become active meanwhile. Look again."))
    context = {"cohort": cohort, "plan": reanalysis.plan(cohort, version)}
    return render(request, "dashboard/reanalyse.html", context)


def _queue(request: HttpRequest, cohort: Cohort) -> HttpResponse:
    done = reanalysis.reanalyse(by=person(request), cohort=cohort)
    if done.to_queue:
        words = ngettext(
            "%(n)d image is queued for %(name)s.", "%(n)d images are queued for %(name)s.", done.to_queue
        )
        messages.success(request, words % {"n": done.to_queue, "name": done.version.name})
    else:
        messages.info(request, _t("Nothing to queue: every image has its result, or waits for it already."))
    return redirect(f"{reverse('dashboard:dashboard')}?cohort={cohort.pk}")


@login_required
@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Two network versions on the same images of a cohort."""
    _, cohort = chosen_cohort(person(request), request.GET.get("cohort", ""))
    versions = list(comparison.versions_in(cohort))
    context = {"cohort": cohort, "versions": versions}
    if len(versions) > 1:
        first = _chosen_version(versions, request.GET.get("first", ""), versions[-2])
        second = _chosen_version(versions, request.GET.get("second", ""), versions[-1])
        found = comparison.compare(cohort, first, second)
        pages = Paginator(comparison.differing(cohort, first, second), DIFFERING_A_PAGE)
        context |= {
            "first": first,
            "second": second,
            "found": found,
            "agreed_range": charts.interval(found.agreed),
            "confusion": charts.confusion_rows(found.counts, known_classes()),
            "duels": _duels(found, first, second),
            "page": (page := pages.get_page(request.GET.get("page"))),
            "rows": _rows(page.object_list, first, second),
        }
    return render(request, "dashboard/compare.html", context)


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
) -> Iterator[dict[str, object]]:
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
