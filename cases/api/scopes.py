"""Whether the token of a request is for what it asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _t
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from cases.models import ApiToken
from cases.scopes import BEYOND_ONE_COHORT, asked_by

if TYPE_CHECKING:
    from rest_framework.views import APIView


class InsufficientScope(PermissionDenied):
    """The token is a right one, for other things."""

    default_code = "insufficient_scope"


class TokenHasScope(BasePermission):
    """A token needs one of the scopes that cases/scopes.py names for the route; a session needs none."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        # A method that the view has not is refused as such.
        if not isinstance(request.auth, ApiToken) or request.method not in view.allowed_methods:
            return True
        match = request.resolver_match
        route = match.url_name or "" if match else ""
        asked = asked_by(route, request.method or "")
        if not asked:
            raise InsufficientScope(_t("No token opens this address."))
        if asked.isdisjoint(request.auth.scopes):
            message = _t("The token lacks the scope “%(scope)s”. Make one that has it, under API tokens.")
            raise InsufficientScope(message % {"scope": ", ".join(sorted(asked))})
        if request.auth.cohort_id and (route, request.method) in BEYOND_ONE_COHORT:
            raise InsufficientScope(_t("The token is for one cohort alone."))
        return True
