"""The pages on which study administrators delete, confirm what others ask for, and see what was deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cases import removals
from cases.access import PageRequest, case_or_404, signed_in
from cases.cohorts import chosen_cohort
from cases.deletion.acts import NothingToDelete
from cases.deletion.forms import DeletionForm, RetentionForm
from cases.deletion.requests import ask, confirm, may_confirm, requests_waiting, target_of, turn_down
from cases.deletion.retention import choose_retention
from cases.deletion.targets import Target, extent_of, target_of_picture
from cases.lifecycle import DeletionKind, DeletionReason
from cases.models import Deletion, DeletionRequest
from cases.permissions import Action, require

if TYPE_CHECKING:
    from cases.models import Cohort

A_PAGE = 50
ANY = ["GET", "HEAD", "POST"]


def _address(cohort: Cohort) -> str:
    return f"{reverse('deletion:deletions')}?cohort={cohort.pk}"


@never_cache
@require_safe
@signed_in
def deletions(request: PageRequest) -> HttpResponse:
    """What waits for a confirmation, for how long cases are kept, and what was deleted, the newest first."""
    managed, cohort = chosen_cohort(request.user, request.GET.get("cohort", ""))
    return _page(request, managed, cohort)


def _page(
    request: PageRequest, managed: list[Cohort], cohort: Cohort, form: RetentionForm | None = None
) -> HttpResponse:
    done = Deletion.objects.filter(cohort=cohort).select_related("case", "by", "confirmed_by")
    context: dict[str, Any] = {
        "cohorts": managed,
        "cohort": cohort,
        "waiting": requests_waiting().filter(cohort=cohort).select_related("case", "image", "asked_by"),
        "page": Paginator(done, A_PAGE).get_page(request.GET.get("page")),
        "form": form or RetentionForm(initial={"days": cohort.retention_days}),
        "needs_two": settings.DELETION_NEEDS_TWO,
        "deletes_by_itself": settings.RETENTION_DELETES and not settings.DELETION_NEEDS_TWO,
        "has_files_waiting": removals.are_waiting(),
    }
    return render(request, "deletion/deletions.html", context, status=422 if form else 200)


@never_cache
@require_POST
@signed_in
def retention(request: PageRequest) -> HttpResponse:
    """Set for how long the cohort keeps its cases."""
    managed, cohort = chosen_cohort(request.user, request.POST.get("cohort", ""))
    form = RetentionForm(request.POST)
    if not form.is_valid():
        return _page(request, managed, cohort, form)
    if choose_retention(by=request.user, cohort=cohort, days=form.cleaned_data["days"]):
        messages.success(request, _t("Changed. It holds from now on."))
    return redirect(_address(cohort))


@never_cache
@require_http_methods(ANY)
@signed_in
def ask_case(request: PageRequest, code: str) -> HttpResponse:
    """Delete a case, or with ?picture=POSITION one of its pictures."""
    found = case_or_404(request, code)
    require(request.user, Action.MANAGE, found.cohort)
    position = request.GET.get("picture", "")
    target = (
        target_of_picture(found, position) if position else Target(DeletionKind.CASE, found.cohort, found)
    )
    if target is None:
        raise Http404
    return _ask(request, target, DeletionReason.NAME_SHOWN if found.is_quarantined else "")


@never_cache
@require_http_methods(ANY)
@signed_in
def ask_cohort(request: PageRequest, cohort_id: UUID) -> HttpResponse:
    """Delete all cases of a cohort, which takes no more from then on."""
    _, found = chosen_cohort(request.user, str(cohort_id))
    if found.deleted_at:
        messages.info(request, _t("This cohort is deleted already."))
        return redirect(_address(found))
    return _ask(request, Target(DeletionKind.COHORT, found), "")


def _ask(request: PageRequest, target: Target, reason: str) -> HttpResponse:
    name = target.cohort.name if target.kind == DeletionKind.COHORT else ""
    form = DeletionForm(
        request.POST if request.method == "POST" else None, name=name, initial={"reason": reason}
    )
    if request.method == "POST" and form.is_valid():
        why = DeletionReason(form.cleaned_data["reason"])
        try:
            done = ask(by=request.user, target=target, reason=why, words=form.cleaned_data["words"])
        except ValidationError as error:
            form.add_error(None, error)
        except NothingToDelete as error:
            messages.info(request, str(error))
            return redirect(_address(target.cohort))
        else:
            _say(request, is_done=isinstance(done, Deletion), saved=f"saved:deletion:{target.subject}")
            return redirect(_address(target.cohort))
    context = _extent(target) | {"form": form, "needs_two": settings.DELETION_NEEDS_TWO}
    return render(request, "deletion/ask.html", context, status=422 if form.errors else 200)


def _extent(target: Target) -> dict[str, Any]:
    extent = extent_of(target)
    return {
        "target": target,
        "cohort": target.cohort,
        "picture": target.image.position + 1 if target.image else None,
        "goes": [(what, n) for what, n in extent.goes() if n],
        "stays": [(what, n) for what, n in extent.stays() if n],
    }


def _say(request: PageRequest, *, is_done: bool, saved: str = "") -> None:
    done = _t("Deleted. What stays of it is listed here.")
    asked = _t("Asked for. Another administrator of the cohort has to confirm it before anything goes.")
    messages.success(request, done if is_done else asked, extra_tags=saved)


@never_cache
@require_http_methods(ANY)
@signed_in
def decide(request: PageRequest, request_id: UUID) -> HttpResponse:
    """What somebody asks to be deleted: to be confirmed, declined, or by who asked for it taken back."""
    found = DeletionRequest.objects.select_related("cohort", "case", "image", "asked_by")
    asked = found.filter(pk=request_id).first()
    if asked is None:
        raise Http404
    _, cohort = chosen_cohort(request.user, str(asked.cohort_id))
    if request.method == "POST":
        return _decided(request, asked)
    if not requests_waiting().filter(pk=asked.pk).exists():
        messages.info(request, _t("This request waits no more."))
        return redirect(_address(cohort))
    context = _extent(target_of(asked)) | {"asked": asked, "may_confirm": may_confirm(request.user, asked)}
    return render(request, "deletion/request.html", context)


def _decided(request: PageRequest, asked: DeletionRequest) -> HttpResponse:
    try:
        if request.POST.get("act") == "confirm":
            _say(request, is_done=confirm(by=request.user, asked=asked) is not None)
        elif request.POST.get("act") == "turn_down":
            turn_down(by=request.user, asked=asked)
            messages.success(request, _t("Nothing is deleted; the request is closed."))
        else:
            return redirect("deletion:request", asked.pk)
    except ValidationError as error:
        messages.warning(request, " ".join(error.messages))
    except NothingToDelete as error:
        messages.info(request, str(error))
    return redirect(_address(asked.cohort))
