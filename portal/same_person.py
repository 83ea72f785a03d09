"""A form is taken from who typed it, or from nobody."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _t

from portal.errors import is_for_programs
from portal.input_guard import FORMS

FIELD = "typed_by"


class SamePersonMiddleware(MiddlewareMixin):
    """403 for a form of a page that was left open, on a workstation where somebody else has signed in since.

    A page renews its forms' token against forged requests once its person has signed in again in another
    window, and says whose it is (static/js/drafts/leaving.js). Without a script the old token is refused.
    """

    def process_view(self, request: HttpRequest, *view: Any) -> None:
        """Compare; by now the check against forged requests has read the form."""
        if request.method != "POST" or request.content_type not in FORMS or is_for_programs(request):
            return
        typed_by = request.POST.get(FIELD, "")
        if typed_by and request.user.is_authenticated and typed_by != str(request.user.pk):
            raise PermissionDenied(_t("This was typed by somebody else."))
