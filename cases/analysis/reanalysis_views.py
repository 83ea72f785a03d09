"""Where study administrators have their cohort analysed again."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from cases.access import PageRequest, signed_in
from cases.analysis import reanalysis
from cases.analysis.model_versions import active_version
from cases.cohorts import chosen_cohort
from cases.models import Cohort


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def reanalyse(request: PageRequest) -> HttpResponse:
    """Say what analysing the cohort with the active version means; a POST queues it."""
    wanted = (request.POST if request.method == "POST" else request.GET).get("cohort", "")
    if not wanted:
        raise Http404
    _, cohort = chosen_cohort(request.user, wanted)
    version = active_version()
    if request.method == "POST":
        if request.POST.get("version") == str(version.pk):
            return _queue(request, cohort)
        messages.warning(request, _t("Another version has become active meanwhile. Look again."))
    context = {"cohort": cohort, "plan": reanalysis.plan(cohort, version)}
    return render(request, "analysis/reanalyse.html", context)


def _queue(request: PageRequest, cohort: Cohort) -> HttpResponse:
    done = reanalysis.reanalyse(by=request.user, cohort=cohort)
    if done.to_queue:
        words = ngettext(
            "%(n)d image is queued for %(name)s.", "%(n)d images are queued for %(name)s.", done.to_queue
        )
        messages.success(request, words % {"n": done.to_queue, "name": done.version.name})
    else:
        messages.info(request, _t("Nothing to queue: every image has its result, or waits for it already."))
    return redirect(f"{reverse('dashboard:dashboard')}?cohort={cohort.pk}")
