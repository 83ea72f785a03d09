"""Where somebody is signed in, and ending that."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portal.accounts import sessions
from portal.accounts.models import User


@never_cache
@require_safe
@login_required
def own(request: HttpRequest) -> HttpResponse:
    """One's own sessions, the one that asks among them."""
    rows = [
        {"row": row, "name": sessions.name_of(row.session_key), "is_this": _is_this(request, row.session_key)}
        for row in sessions.sessions_of(cast(User, request.user))
    ]
    return render(request, "accounts/sessions.html", {"rows": rows})


@require_POST
@login_required
def end(request: HttpRequest) -> HttpResponse:
    """End the named session, or without a name all but the one that asks."""
    user = cast(User, request.user)
    if named := request.POST.get("session"):
        names = {named}
    else:
        others = (row.session_key for row in sessions.sessions_of(user))
        names = {sessions.name_of(key) for key in others if not _is_this(request, key)}
    ended = sessions.end(user, names)
    said = ngettext("%(n)d session is ended.", "%(n)d sessions are ended.", ended) % {"n": ended}
    messages.success(request, said)
    return redirect("accounts:sessions")


def _is_this(request: HttpRequest, session_key: str) -> bool:
    return session_key == request.session.session_key
