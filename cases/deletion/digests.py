"""What is kept of a deleted file: a digest that only this portal can make, another one in each cohort.

It tells whoever uploads the same file into the same cohort again that it was deleted there. Without the key
nobody can hold a file against it, as with the SHA-256 that stood there before.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from django.conf import settings

from cases.models import DeletedPicture, Deletion

if TYPE_CHECKING:
    from uuid import UUID

_LENGTH = 32


def keyed(cohort: UUID, sha256: str) -> str:
    """The digest that stays of a file."""
    secret = (settings.PSEUDONYM_KEY or settings.SECRET_KEY).encode()
    return hmac.new(secret, f"{cohort}\0deleted\0{sha256}".encode(), hashlib.sha256).hexdigest()[:_LENGTH]


def deletion_of(cohort: UUID, sha256: str) -> Deletion | None:
    """The newest deletion of a picture of this file in the cohort; None where it was never deleted there."""
    found = DeletedPicture.objects.filter(digest=keyed(cohort, sha256)).select_related("deletion")
    newest = found.order_by("-deletion__at").first()
    return newest.deletion if newest else None
