"""What webhooks are told: written in the transaction of the fact, so that neither is there without the other.

An event says that something happened to which case, review or snapshot; what was found stays behind REST and
its rights. cases/exchange/webhooks sends what lies here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cases.models import Webhook, WebhookDelivery

if TYPE_CHECKING:
    from uuid import UUID

    from cases.lifecycle import HookEvent


def listeners(cohort_id: UUID, *events: HookEvent) -> list[Webhook]:
    """The webhooks of the cohort that want to be told of one of the events."""
    hooks = Webhook.objects.filter(cohort_id=cohort_id)
    return [hook for hook in hooks if not {str(event) for event in events}.isdisjoint(hook.events)]


def tell(event: HookEvent, *, cohort_id: UUID, **data: str | bool) -> None:
    """Write the event down for each webhook that wants it; call it inside the transaction of the fact.

    data: opaque ids and codes; nothing that names a patient, and no class or verdict.
    """
    told = {"cohort": str(cohort_id), **data}
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(webhook=hook, event=event, data=told) for hook in listeners(cohort_id, event)
    )
