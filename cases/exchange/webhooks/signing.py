"""The secret of a webhook, and the signature over what is sent, after Standard Webhooks
(https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).

A secret is made of the portal's own key each time it is needed, so that no copy of the database holds one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.crypto import salted_hmac

if TYPE_CHECKING:
    from uuid import UUID

    from cases.models import Webhook

PREFIX = "whsec_"
# So long the secret before signs as well, for a receiver to change over.
CHANGE_OVER = timedelta(days=1)


def secret_of(hook: Webhook) -> str:
    """The secret as its receiver keeps it."""
    return PREFIX + base64.b64encode(_key(hook, hook.secret_number)).decode()


def _key(hook: Webhook, number: int) -> bytes:
    return salted_hmac("cases.webhook", f"{hook.pk}:{number}", algorithm="sha256").digest()


def keys_of(hook: Webhook) -> list[bytes]:
    """The keys that sign now, the newest first."""
    numbers = [hook.secret_number]
    if hook.secret_number > 1 and hook.secret_since > timezone.now() - CHANGE_OVER:
        numbers.append(hook.secret_number - 1)
    return [_key(hook, number) for number in numbers]


def headers(keys: list[bytes], delivery: UUID, at: datetime, body: bytes) -> dict[str, str]:
    """The headers that name the message, the time, and one signature a key over both and the body."""
    seconds = str(int(at.timestamp()))
    signed = b".".join([str(delivery).encode(), seconds.encode(), body])
    digests = [hmac.new(key, signed, hashlib.sha256).digest() for key in keys]
    return {
        "webhook-id": str(delivery),
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join("v1," + base64.b64encode(digest).decode() for digest in digests),
    }
