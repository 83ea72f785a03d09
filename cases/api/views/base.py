"""What several views need."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _t
from rest_framework.request import Request
from rest_framework.views import APIView

from cases.access import CaseDeleted, case_visible_to
from cases.cohorts import known_cohorts
from cases.models import Case, Cohort
from cases.permissions import Action, may_anywhere, require
from cases.request_context import looks_at

if TYPE_CHECKING:
    from uuid import UUID

    from portal.accounts.models import User

METHODS = ["get", "head", "post", "put", "delete"]


class ApiView(APIView):
    """Answers no OPTIONS: the OpenAPI document says more, and no other origin may ask."""

    http_method_names = METHODS


def user_of(request: Request) -> User:
    """Who asks; the permission class has let nobody else in."""
    return cast("User", request.user)


def require_somewhere(request: Request, action: Action) -> None:
    """Raise PermissionDenied where the user may do `action` in no cohort at all."""
    if not may_anywhere(request.user, action):
        raise PermissionDenied(
            _t("You have no role that allows this, in any cohort. Ask the study administrator.")
        )


def case_or_404(request: Request, code: str) -> Case:
    """The case of this code; Http404 where there is none, or the user may not see it, and CaseDeleted."""
    try:
        return case_visible_to(request.user, code)
    except CaseDeleted:
        raise
    except Case.DoesNotExist:
        raise Http404(_t("There is no case of this code, or you may not see it.")) from None


def cohort_or_404(request: Request, cohort_id: UUID, action: Action | None = None) -> Cohort:
    """The cohort of this id; Http404 where the user does not know of it, PermissionDenied where they know it
    and may not do `action` there.
    """
    cohort = known_cohorts(user_of(request)).filter(pk=cohort_id).first()
    if cohort is None:
        raise Http404(_t("There is no such cohort, or you are not in it."))
    if action is not None:
        require(request.user, action, cohort)
    looks_at(cohort.pk)
    return cohort
