"""UIDs of what we make: the same thing has the same UID each time, which tells nobody what it is of."""

from __future__ import annotations

import hashlib
import hmac
import uuid

from django.conf import settings

# Part of every UID: raise it when what an instance holds or shows changes, since an archive may have the old
# one under its UID, and one UID is one content for ever (PS3.5, 9).
FORM = 2


def uid_of(kind: str, *parts: object) -> str:
    """The UID of a thing of this kind: under 2.25, a UUID as a number (PS3.5, B.2), made by a keyed hash."""
    secret = settings.PSEUDONYM_KEY or settings.SECRET_KEY
    message = "\0".join(("dicom", str(FORM), kind, *map(str, parts)))
    digest = hmac.new(secret.encode(), message.encode(), hashlib.sha256).digest()
    # Version 5 is that of UUIDs which are made of a hash (RFC 4122, 4.1.3).
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=5).int}"
