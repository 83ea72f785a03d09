"""The page on which a study administrator says who is in a cohort."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from cases.access import PageRequest, signed_in
from cases.cohorts import chosen_cohort, known_cohorts
from cases.models import Cohort, Invitation, Membership
from cases.people import invitations, mails, memberships
from cases.people.forms import InviteForm, RoleForm
from cases.people.tokens import may_manage_tokens_of
from cases.permissions import Action, require
from cases.roles import Role


@never_cache
@require_http_methods(["GET", "POST"])
@signed_in
def people(request: PageRequest) -> HttpResponse:
    """Members and open invitations of one cohort; a POST invites, and shows the link once."""
    managed, cohort = chosen_cohort(request.user, request.GET.get("cohort", ""))
    form = InviteForm(request.POST or None)
    issued = _invite(request, cohort, form) if form.is_valid() else None
    if issued:
        form = InviteForm()
    context = {
        "cohorts": managed,
        "cohort": cohort,
        "form": form,
        "issued": issued,
        "members": _member_rows(request, cohort),
        "invitations": invitations.open_invitations(cohort),
        "roles": Role.choices,
    }
    return render(request, "people/people.html", context)


def _invite(request: PageRequest, cohort: Cohort, form: InviteForm) -> dict[str, Any] | None:
    """Invite and mail; the link and whether the mail went out, or None with errors in the form."""
    try:
        issued = invitations.invite(
            by=request.user,
            cohort=cohort,
            email=form.cleaned_data["email"],
            role=Role(form.cleaned_data["role"]),
        )
    except ValidationError as error:
        form.add_error(None, error)
        return None
    link = request.build_absolute_uri(reverse("people:invitation", args=[issued.secret]))
    return {
        "invitation": issued.invitation,
        "link": link,
        "mailed": mails.send_invitation(issued.invitation, link),
    }


def _member_rows(request: PageRequest, cohort: Cohort) -> list[dict[str, Any]]:
    by = request.user
    members = cohort.memberships.select_related("user").order_by("role", "user__full_name", "pk")
    return [
        {
            "membership": membership,
            "is_self": membership.user_id == by.pk,
            "has_tokens": membership.role == Role.EXPORTER and may_manage_tokens_of(by, membership.user),
        }
        for membership in members
    ]


@require_POST
@signed_in
def withdraw(request: PageRequest, invitation_id: UUID) -> HttpResponse:
    """Close an open invitation."""
    by = request.user
    invitation = get_object_or_404(
        Invitation.objects.select_related("cohort"), pk=invitation_id, cohort__in=known_cohorts(by)
    )
    try:
        invitations.withdraw(by=by, invitation=invitation)
        messages.success(request, _t("The invitation is withdrawn; its link opens nothing any more."))
    except invitations.InvitationClosed:
        messages.warning(request, _t("This invitation was not open any more."))
    return _back_to(invitation.cohort)


@require_POST
@signed_in
def change_role(request: PageRequest, membership_id: int) -> HttpResponse:
    """Give a member another role."""
    membership = _membership_or_404(request, membership_id)
    require(request.user, Action.MANAGE, membership.cohort)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, _t("Choose one of the roles in the list."))
        return _back_to(membership.cohort)
    role = Role(form.cleaned_data["role"])
    try:
        memberships.change_role(by=request.user, membership=membership, role=role)
    except ValidationError as refused:
        messages.error(request, refused.messages[0])
    else:
        words = {"name": str(membership.user), "role": role.label}
        messages.success(request, _t("%(name)s is now: %(role)s.") % words)
    return _back_to(membership.cohort)


@require_POST
@signed_in
def remove(request: PageRequest, membership_id: int) -> HttpResponse:
    """Take a member out of the cohort."""
    membership = _membership_or_404(request, membership_id)
    cohort, name = membership.cohort, str(membership.user)
    try:
        memberships.remove_member(by=request.user, membership=membership)
    except ValidationError as refused:
        messages.error(request, refused.messages[0])
    else:
        messages.success(request, _t("%(name)s is no longer a member.") % {"name": name})
    return _back_to(cohort)


def _membership_or_404(request: PageRequest, membership_id: int) -> Membership:
    """A membership in one of the user's own cohorts; what it allows, the service decides."""
    found = Membership.objects.select_related("user", "cohort")
    return get_object_or_404(found, pk=membership_id, cohort__in=known_cohorts(request.user))


def _back_to(cohort: Cohort) -> HttpResponse:
    return redirect(f"{reverse('people:list')}?cohort={cohort.pk}")
