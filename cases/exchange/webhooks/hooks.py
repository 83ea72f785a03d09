"""What study administrators do with the webhooks of a cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _t

from cases import audit
from cases.exchange.webhooks.addresses import checked_url
from cases.lifecycle import DeliveryState, HookEvent
from cases.models import Webhook, WebhookDelivery
from cases.permissions import Action, require

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from cases.models import Cohort
    from portal.accounts.models import User

MOST = 20
# Sent when somebody asks for it, to whatever was chosen.
TEST = "test"


class WebhookChanged(Exception):
    """Somebody else changed the webhook meanwhile."""

    def __init__(self) -> None:
        super().__init__(_t("The webhook was changed meanwhile; look at it again."))


def webhooks_of(cohort: Cohort, by: User) -> list[Webhook]:
    """The webhooks of a cohort, the oldest first."""
    require(by, Action.MANAGE, cohort)
    return list(cohort.webhooks.select_related("created_by"))


def create_webhook(*, by: User, cohort: Cohort, url: str, events: Iterable[str]) -> Webhook:
    """Have the address told of the events from now on. Raises ValidationError."""
    require(by, Action.MANAGE, cohort)
    url, chosen = _url(url), _events(events)
    with transaction.atomic():
        # The cohort's row is the lock: two at once see each other.
        type(cohort).objects.select_for_update().get(pk=cohort.pk)
        if cohort.webhooks.count() >= MOST:
            raise ValidationError(_t("A cohort has at most %(most)d webhooks.") % {"most": MOST})
        if cohort.webhooks.filter(url=url).exists():
            raise ValidationError({"url": _t("This address has a webhook already.")})
        hook = Webhook.objects.create(cohort=cohort, url=url, events=chosen, created_by=by)
        audit.record(by=by, action="webhook.created", subject=hook, cohort=cohort, events=", ".join(chosen))
    return hook


def _url(url: str) -> str:
    try:
        return checked_url(url)
    except ValidationError as error:
        raise ValidationError({"url": error.messages}) from None


def _events(events: Iterable[str]) -> list[str]:
    given = set(events)
    if not given or not given <= set(HookEvent.values):
        known = ", ".join(HookEvent.values)
        raise ValidationError({"events": _t("Choose at least one of %(known)s.") % {"known": known}})
    return [event for event in HookEvent.values if event in given]


def change_webhook(
    *, by: User, hook: Webhook, url: str, events: Iterable[str], version: int | None = None
) -> Webhook:
    """Give it another address or other events. Raises ValidationError, and WebhookChanged where it is no more
    of that version.
    """
    require(by, Action.MANAGE, hook.cohort)
    url, chosen = _url(url), _events(events)
    with transaction.atomic():
        type(hook.cohort).objects.select_for_update().get(pk=hook.cohort_id)
        if hook.cohort.webhooks.filter(url=url).exclude(pk=hook.pk).exists():
            raise ValidationError({"url": _t("This address has a webhook already.")})
        wanted = hook.version if version is None else version
        told = {"url": url, "events": chosen, "version": F("version") + 1}
        if Webhook.objects.filter(pk=hook.pk, version=wanted).update(**told) != 1:
            raise WebhookChanged
        audit.record(
            by=by, action="webhook.changed", subject=hook, cohort=hook.cohort, events=", ".join(chosen)
        )
    hook.refresh_from_db()
    return hook


def renew_secret(*, by: User, hook: Webhook) -> Webhook:
    """Make another secret; the one before signs beside it for a day."""
    require(by, Action.MANAGE, hook.cohort)
    with transaction.atomic():
        Webhook.objects.filter(pk=hook.pk).update(
            secret_number=F("secret_number") + 1, secret_since=timezone.now()
        )
        audit.record(by=by, action="webhook.secret_renewed", subject=hook, cohort=hook.cohort)
    hook.refresh_from_db()
    return hook


def pause(*, by: User, hook: Webhook) -> None:
    """Send nothing for now; events wait."""
    require(by, Action.MANAGE, hook.cohort)
    with transaction.atomic():
        if Webhook.objects.filter(pk=hook.pk, paused_at=None).update(paused_at=timezone.now()):
            audit.record(by=by, action="webhook.paused", subject=hook, cohort=hook.cohort)


def resume(*, by: User, hook: Webhook) -> None:
    """Send again, and at once what waits."""
    require(by, Action.MANAGE, hook.cohort)
    with transaction.atomic():
        began = {"paused_at": None, "failing_since": None, "not_before": None}
        if Webhook.objects.filter(pk=hook.pk, paused_at__isnull=False).update(**began):
            hook.deliveries.filter(state=DeliveryState.WAITING).update(due_at=timezone.now())
            audit.record(by=by, action="webhook.resumed", subject=hook, cohort=hook.cohort)


def remove_webhook(*, by: User, hook: Webhook) -> None:
    """Take it away, with what waits for it and the list of what was sent; the audit keeps that it was."""
    require(by, Action.MANAGE, hook.cohort)
    with transaction.atomic():
        audit.record(by=by, action="webhook.removed", subject=hook, cohort=hook.cohort)
        hook.delete()


def send_test(*, by: User, hook: Webhook) -> WebhookDelivery:
    """Send an event that tells nothing, to try the way."""
    require(by, Action.MANAGE, hook.cohort)
    with transaction.atomic():
        Webhook.objects.filter(pk=hook.pk).update(not_before=None)
        audit.record(by=by, action="webhook.tested", subject=hook, cohort=hook.cohort)
        return WebhookDelivery.objects.create(webhook=hook, event=TEST, data={"cohort": str(hook.cohort_id)})


def send_again(*, by: User, hook: Webhook, delivery_id: UUID) -> WebhookDelivery:
    """Send one event once more, under the same id, whatever became of it. WebhookDelivery.DoesNotExist where
    the webhook has none of this id.
    """
    require(by, Action.MANAGE, hook.cohort)
    with transaction.atomic():
        delivery: WebhookDelivery = hook.deliveries.select_for_update().get(pk=delivery_id)
        delivery.state, delivery.attempts, delivery.due_at = DeliveryState.WAITING, 0, timezone.now()
        delivery.save(update_fields=["state", "attempts", "due_at"])
        Webhook.objects.filter(pk=hook.pk).update(not_before=None)
        audit.record(
            by=by, action="webhook.replayed", subject=hook, cohort=hook.cohort, delivery=str(delivery_id)
        )
    return delivery
