"""A person's own views of the worklist: saved from it, renamed and deleted on a page of their own."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from cases.access import PageRequest, signed_in
from cases.classes import known_classes
from cases.cohorts import cohorts_of
from cases.models import SavedView
from cases.worklist import saved_views
from cases.worklist.forms import WorklistForm
from cases.worklist.saved_views import saved_views_of


@never_cache
@require_safe
@signed_in
def views(request: PageRequest) -> HttpResponse:
    """All of them, to rename and to delete."""
    return render(request, "worklist/saved_views.html", {"views": saved_views_of(request.user)})


@never_cache
@require_POST
@signed_in
def save(request: PageRequest) -> HttpResponse:
    """Keep the worklist's filters and order, as they are now, under a name."""
    rights, classes = cohorts_of(request.user), known_classes()
    query = WorklistForm(QueryDict(request.POST.get("query", "")), rights=rights, classes=classes).query
    try:
        view, is_new = saved_views.save_view(by=request.user, name=request.POST.get("name", ""), query=query)
    except ValidationError as refused:
        messages.warning(request, refused.messages[0])
    else:
        words = _t("View “%(name)s” is saved.") if is_new else _t("View “%(name)s” now holds these filters.")
        messages.success(request, words % {"name": view.name}, extra_tags="saved:view")
    return redirect(reverse("cases:worklist") + (f"?{query}" if query else ""))


@never_cache
@require_POST
@signed_in
def rename(request: PageRequest, view_id: int) -> HttpResponse:
    """Give a view another name."""
    view = _own(request, view_id)
    try:
        saved_views.rename_view(by=request.user, view=view, name=request.POST.get("name", ""))
    except ValidationError as refused:
        messages.warning(request, refused.messages[0])
    else:
        messages.success(request, _t("Renamed."), extra_tags=f"saved:view:{view.pk}")
    return redirect("cases:views")


@never_cache
@require_POST
@signed_in
def delete(request: PageRequest, view_id: int) -> HttpResponse:
    """Forget a view."""
    view = _own(request, view_id)
    saved_views.delete_view(by=request.user, view=view)
    messages.success(request, _t("View “%(name)s” is deleted.") % {"name": view.name})
    return redirect("cases:views")


def _own(request: PageRequest, view_id: int) -> SavedView:
    view = saved_views_of(request.user).filter(pk=view_id).first()
    if view is None:
        raise Http404
    return view
