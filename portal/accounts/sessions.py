"""Sessions in the database (settings: SESSION_ENGINE), each with its person, its device and its last use.

A session ends SESSION_COOKIE_AGE after the sign-in, whatever is done meanwhile, and SESSION_IDLE_SECONDS
after the last thing that was done (NIST SP 800-63B-4, 2.2.3: a day at most, and an hour).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from portal.accounts.models import Session, User
from portal.accounts.origin import digest

SEEN_EVERY = timedelta(minutes=1)
STARTED_AT, DEVICE = "started_at", "device"
UNKNOWN = ""
# Looked for in this order: most browsers name others as well.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS": "macOS",
    "Linux": "Linux",
}


class SessionStore(DatabaseStore):
    """Django's, without those in which nothing was done for a while."""

    seen_at: datetime | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Session | None:
        row: Session | None = alive().filter(session_key=self.session_key).first()
        if row is None:
            self._session_key = None
            return None
        self.seen_at = row.seen_at if row.user_id else None
        return row

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """The row, with what the session itself says of person and device."""
        row = cast(Session, super().create_model_instance(data))
        row.user_id = data.get("_auth_user_id")
        row.device = data.get(DEVICE, UNKNOWN)
        if started := data.get(STARTED_AT):
            row.started_at = datetime.fromisoformat(started)
        return row


def begin(request: HttpRequest) -> None:
    """Have the session of whoever signs in end at its time, and say on what device it is."""
    now = timezone.now()
    request.session[STARTED_AT] = now.isoformat()
    request.session[DEVICE] = device_of(request.headers.get("User-Agent", ""))
    request.session.set_expiry(now + timedelta(seconds=settings.SESSION_COOKIE_AGE))


def note_use(session: Any) -> None:
    """Something was done in it; stored at most once in SEEN_EVERY, and only while it is there."""
    now = timezone.now()
    seen_at = getattr(session, "seen_at", None)
    if seen_at and seen_at <= now - SEEN_EVERY:
        Session.objects.filter(session_key=session.session_key).update(seen_at=now)


def alive() -> QuerySet[Session]:
    """Sessions that have not ended yet."""
    now = timezone.now()
    used = Q(user=None) | Q(seen_at__gt=now - timedelta(seconds=settings.SESSION_IDLE_SECONDS))
    return Session.objects.filter(used, expire_date__gt=now)


def sessions_of(user: User) -> QuerySet[Session]:
    """Where the person is signed in, the last used first."""
    return alive().filter(user=user).order_by("-seen_at", "-started_at")


def name_of(session_key: str) -> str:
    """What a page calls a session: its key opens it."""
    return digest("session", session_key)[:16]


def end(user: User, names: set[str]) -> int:
    """End those of the person's sessions at once; returns how many there were."""
    keys = [row.session_key for row in sessions_of(user) if name_of(row.session_key) in names]
    return Session.objects.filter(session_key__in=keys).delete()[0]


def clear() -> None:
    """Forget sessions that have ended."""
    Session.objects.exclude(session_key__in=alive().values("session_key")).delete()


def device_of(agent: str) -> str:
    """Browser and system, as far as the browser says; not enough to tell one person's from another's."""
    found = [
        next((name for mark, name in known.items() if mark in agent), "") for known in (BROWSERS, SYSTEMS)
    ]
    return ", ".join(name for name in found if name)
