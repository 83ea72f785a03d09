"""The pages on which study administrators set a study up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cases import csv_files
from cases.access import PageRequest, signed_in
from cases.blinding import OVER
from cases.cohorts import chosen_cohort
from cases.downloads import named
from cases.intake.incoming.folders import named_folders
from cases.permissions import Action, may
from cases.setup import reminders, truth
from cases.setup.checklist import checklist
from cases.setup.cohorts import change_plan, create_cohort, plan_of, require_maker
from cases.setup.forms import CohortForm, ConfirmTruthForm, PlanForm, TruthByHandForm, TruthFileForm
from cases.setup.progress import progress_of

if TYPE_CHECKING:
    from django import forms

    from cases.models import Cohort


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def new_cohort(request: PageRequest) -> HttpResponse:
    """A form that makes a cohort."""
    require_maker(request.user)
    form = CohortForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            cohort = create_cohort(
                by=request.user,
                name=form.cleaned_data["name"],
                description=form.cleaned_data["description"],
                plan=form.plan(),
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            said = _t("The cohort is made. This page says what is missing before reading can begin.")
            messages.success(request, said, extra_tags="saved:new-cohort")
            return redirect(_address(cohort))
    return render(request, "setup/new_cohort.html", {"form": form}, status=422 if form.errors else 200)


def _address(cohort: Cohort) -> str:
    return f"{reverse('setup:study')}?cohort={cohort.pk}"


@never_cache
@require_safe
@signed_in
def study(request: PageRequest) -> HttpResponse:
    """What is missing, how far the study is, its plan, and its known classes."""
    managed, cohort = chosen_cohort(request.user, request.GET.get("cohort", ""))
    return _study(request, managed, cohort)


def _study(
    request: PageRequest, managed: list[Cohort], cohort: Cohort, **forms_given: forms.Form
) -> HttpResponse:
    """The page, with forms that were not valid as they were filled in."""
    items = checklist(cohort)
    context: dict[str, Any] = {
        "cohorts": managed,
        "cohort": cohort,
        "items": items,
        "is_over": not cohort.cases.exclude(state__in=OVER).exists() and cohort.cases.exists(),
        "takes_images": may(request.user, Action.UPLOAD, cohort),
        "has_folders": bool(named_folders()),
        "missing": sum(item.is_needed and not item.is_done for item in items),
        "progress": progress_of(cohort),
        "changes": truth.newest_changes(cohort, to=request.user),
        "plan_form": PlanForm(initial=PlanForm.initial_of(plan_of(cohort))),
        "file_form": TruthFileForm(),
        "hand_form": TruthByHandForm(),
        **forms_given,
    }
    status = 422 if any(form.errors for form in forms_given.values()) else 200
    return render(request, "setup/study.html", context, status=status)


def _posted(request: PageRequest) -> tuple[list[Cohort], Cohort]:
    return chosen_cohort(request.user, request.POST.get("cohort", ""))


@never_cache
@require_POST
@signed_in
def plan(request: PageRequest) -> HttpResponse:
    """Change the plan."""
    managed, cohort = _posted(request)
    form = PlanForm(request.POST)
    if form.is_valid():
        try:
            change_plan(by=request.user, cohort=cohort, plan=form.plan())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _t("The plan is settled."))
            return redirect(_address(cohort))
    return _study(request, managed, cohort, plan_form=form)


@never_cache
@require_POST
@signed_in
def remind(request: PageRequest) -> HttpResponse:
    """Mail a reader what remains."""
    _, cohort = _posted(request)
    link = request.build_absolute_uri(f"{reverse('cases:worklist')}?cohort={cohort.pk}&awaits=me")
    try:
        reader = reminders.remind(by=request.user, cohort=cohort, reader=_id(request), link=link)
    except ValidationError as error:
        messages.warning(request, " ".join(error.messages))
    else:
        messages.success(request, _t("%(reader)s was reminded by mail.") % {"reader": reader})
    return redirect(_address(cohort))


def _id(request: PageRequest) -> UUID:
    try:
        return UUID(request.POST.get("reader", ""))
    except ValueError:
        raise Http404 from None


@never_cache
@require_POST
@signed_in
def truth_by_hand(request: PageRequest) -> HttpResponse:
    """Give one case its known class."""
    managed, cohort = _posted(request)
    form = TruthByHandForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            truth.set_by_hand(
                by=request.user,
                cohort=cohort,
                code=given["case"],
                known_class=given["known_class"],
                reason=given["reason"],
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            said = _t("The known class of %(case)s is set.") % {"case": given["case"].upper()}
            messages.success(request, said, extra_tags=f"saved:truth:{cohort.pk}")
            return redirect(_address(cohort))
    return _study(request, managed, cohort, hand_form=form)


@never_cache
@require_POST
@signed_in
def try_truth(request: PageRequest) -> HttpResponse:
    """Say what a file would do; nothing is written."""
    managed, cohort = _posted(request)
    form = TruthFileForm(request.POST, request.FILES)
    if not form.is_valid():
        return _study(request, managed, cohort, file_form=form)
    try:
        entries, wrong = truth.read_entries(cohort, form.cleaned_data["file"].read(csv_files.MAX_BYTES + 1))
    except ValidationError as error:
        form.add_error("file", error)
        return _study(request, managed, cohort, file_form=form)
    trial = truth.try_entries(cohort, entries, wrong, to=request.user)
    kept = truth.keep_entries(entries) if trial.is_writable else ""
    confirm = ConfirmTruthForm(initial={"kept": kept})
    return _trial(request, cohort, trial, confirm)


def _trial(
    request: PageRequest, cohort: Cohort, trial: truth.Trial, confirm: ConfirmTruthForm
) -> HttpResponse:
    context = {"cohort": cohort, "trial": trial, "form": confirm}
    return render(request, "setup/truth_trial.html", context, status=422 if confirm.errors else 200)


@never_cache
@require_POST
@signed_in
def write_truth(request: PageRequest) -> HttpResponse:
    """Write what was tried."""
    _, cohort = _posted(request)
    form = ConfirmTruthForm(request.POST)
    try:
        entries = truth.kept_entries(request.POST.get("kept", ""))
    except ValidationError as error:
        messages.warning(request, " ".join(error.messages))
        return redirect(_address(cohort))
    if form.is_valid():
        given = form.cleaned_data
        try:
            n = truth.set_truth(
                by=request.user,
                cohort=cohort,
                entries=entries,
                reason=given["reason"],
                replace=given["replace"],
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            truth.forget_entries(given["kept"])
            said = ngettext("%(n)d case was changed.", "%(n)d cases were changed.", n)
            messages.success(request, said % {"n": n}, extra_tags=f"saved:truth-file:{cohort.pk}")
            return redirect(_address(cohort))
    return _trial(request, cohort, truth.try_entries(cohort, entries, [], to=request.user), form)


@require_safe
@signed_in
def truth_template(request: PageRequest) -> HttpResponse:
    """The cohort's cases as a file of known classes, to be filled in."""
    _, cohort = chosen_cohort(request.user, request.GET.get("cohort", ""))
    lines = truth.template_lines(cohort, to=request.user)
    if not lines:
        raise Http404
    headers = named("secondread-known-classes.csv")
    return HttpResponse("\r\n".join([*lines, ""]), content_type="text/csv; charset=utf-8", headers=headers)
