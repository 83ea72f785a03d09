"""Where study administrators have their cohort analysed again, by the active network version."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from cases.models import Cohort
from cases.services import reanalysis
from cases.services.model_versions import active_version
from portal.accounts.cohort_choice import chosen_cohort
from portal.accounts.requests import person


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
