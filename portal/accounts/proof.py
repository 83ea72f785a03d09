"""When somebody last proved who they are, in this session; and who has given the password, but no code."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from portal.accounts import sessions
from portal.accounts.models import User

# Between the password and the code.
HALF_WAY_SECONDS = 5 * 60
BACKEND = "django.contrib.auth.backends.ModelBackend"
_PROVED_AT, _BY_CODE, _HALF_WAY = "proved_at", "second_factor", "half_way"


def note(request: HttpRequest, *, by_code: bool = False) -> None:
    """They have, now. by_code: by the second factor."""
    request.session[_PROVED_AT] = int(time.time())
    if by_code:
        request.session[_BY_CODE] = True


def note_sign_in(sender: object, request: HttpRequest, **more: Any) -> None:
    """Every way of signing in proves it (django.contrib.auth.signals.user_logged_in)."""
    note(request)
    sessions.begin(request)


def is_recent(request: HttpRequest) -> bool:
    """Whether they did within REAUTHENTICATION_SECONDS."""
    age = time.time() - request.session.get(_PROVED_AT, 0)
    return bool(age < settings.REAUTHENTICATION_SECONDS)


def was_by_code(request: HttpRequest) -> bool:
    """Whether the second factor was shown in this session."""
    return bool(request.session.get(_BY_CODE))


def go_half_way(request: HttpRequest, user: User) -> None:
    """The password was right; who it is, is kept until the code is. Nobody is signed in by that."""
    request.session[_HALF_WAY] = {
        "user": str(user.pk),
        "password": user.get_session_auth_hash(),
        "until": int(time.time()) + HALF_WAY_SECONDS,
    }


def half_way(request: HttpRequest) -> User | None:
    """Who has given the password a moment ago, and has the same one still."""
    kept = request.session.get(_HALF_WAY)
    if not kept or kept["until"] < time.time():
        return None
    user = User.objects.filter(pk=kept["user"], is_active=True).first()
    if user is None or not constant_time_compare(kept["password"], user.get_session_auth_hash()):
        return None
    return user


def come_in(request: HttpRequest, user: User) -> None:
    """Sign in whoever came half way and has given the code."""
    del request.session[_HALF_WAY]
    login(request, user, backend=BACKEND)
    note(request, by_code=True)
