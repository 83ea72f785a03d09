"""The page on which study administrators import images that lie in a folder of the operator's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from cases.access import PageRequest, signed_in
from cases.cohorts import chosen_cohort
from cases.intake.forms import GroupingForm
from cases.intake.incoming.folders import FolderUnusable, Listing, listing, named_folders
from cases.intake.incoming.imports import begin_import
from cases.intake.incoming.receiving import NoRoom, imports_of, shown_on_a_page
from cases.intake.incoming.rows import shown
from cases.permissions import Action, require

if TYPE_CHECKING:
    from cases.models import Cohort


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def import_from_folder(request: PageRequest) -> HttpResponse:
    """What lies in the named folders, and how far one's own imports are; a POST has a folder looked at."""
    asked = request.POST if request.method == "POST" else request.GET
    managed, cohort = chosen_cohort(request.user, asked.get("cohort", ""))
    names = named_folders()
    if not names:
        raise Http404
    require(request.user, Action.UPLOAD, cohort)
    folder = asked.get("folder", "") or (names[0] if len(names) == 1 else "")
    form = GroupingForm(request.POST if request.method == "POST" else None)
    chosen, unusable = _looked_into(folder, asked.get("at", ""))
    if request.method == "POST" and chosen and form.is_valid():
        try:
            begin_import(
                by=request.user,
                cohort=cohort,
                folder=folder,
                chosen=chosen,
                grouping=form.chosen_grouping,
                volume=form.cleaned_data["volume"] or 0,
            )
        except (FolderUnusable, NoRoom) as refusal:
            unusable = str(refusal)
        else:
            return redirect(f"{reverse('setup:import')}?cohort={cohort.pk}#imports")
    return _page(request, managed, cohort, folder, chosen, form, unusable)


def _looked_into(folder: str, token: str) -> tuple[Listing | None, str]:
    """What lies there, or why nothing can be told; neither where no folder is chosen."""
    if not folder:
        return None, ""
    try:
        return listing(folder, token), ""
    except FolderUnusable as refusal:
        return None, str(refusal)


def _page(
    request: PageRequest,
    managed: list[Cohort],
    cohort: Cohort,
    folder: str,
    chosen: Listing | None,
    form: GroupingForm,
    unusable: str,
) -> HttpResponse:
    imports = [shown(request.user, each) for each in shown_on_a_page(imports_of(request.user, [cohort]))]
    context = {
        "cohorts": managed,
        "cohort": cohort,
        "folders": named_folders(),
        "folder": folder,
        "chosen": chosen,
        "form": form,
        "unusable": unusable,
        "imports": imports,
        "has_pending": any(row.row and row.row.is_pending for each in imports for row in each.rows),
        "most_files": settings.UPLOAD_PIECES_MAX_FILES,
        "hours": settings.UPLOAD_PIECES_HOURS,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "setup/import.html", context, status=status)
