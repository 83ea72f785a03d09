"""Sending what waits: in rounds, each address in a thread of its own, so that a slow one keeps no other
waiting.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, Min, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from cases import audit
from cases.exchange.webhooks.notices import send_notice_of_pause
from cases.exchange.webhooks.sending import Answer, post
from cases.exchange.webhooks.signing import headers, keys_of
from cases.lifecycle import DeliveryState
from cases.models import Webhook, WebhookDelivery

if TYPE_CHECKING:
    from datetime import datetime

logger = logging.getLogger(__name__)

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
# Between one try and the next: eight tries over a day.
WAITS = (_MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR, 3 * _HOUR, 8 * _HOUR, 12 * _HOUR)
TRIES = len(WAITS) + 1
# After a failure the whole address rests.
REST = timedelta(seconds=30)
PAUSED_AFTER = timedelta(days=1)
GONE = 410
# Of one address in a round.
BATCH, ROUND_SECONDS = 20, 10.0
HOOKS_A_ROUND = 16
# Longer than a round takes: who took an event and died leaves it to the next.
TAKEN_FOR = timedelta(minutes=2)
KEPT = timedelta(days=30)
# A round at a time in each process.
_round = threading.Lock()


@dataclass(frozen=True)
class Message:
    """One event as it goes over the wire."""

    delivery: WebhookDelivery
    body: bytes


def deliver_due() -> int:
    """Send what is due; how many events were tried."""
    if not _round.acquire(blocking=False):
        return 0
    try:
        return _deliver_round()
    finally:
        _round.release()


def _deliver_round() -> int:
    taken = [(hook, _take(hook)) for hook in _hooks_with_work()]
    batches = [(hook, messages) for hook, messages in taken if messages]
    if not batches:
        return 0
    tried = 0
    with ThreadPoolExecutor(max_workers=len(batches)) as pool:
        sent = {
            pool.submit(_send, hook.url, keys_of(hook), messages): (hook, messages)
            for hook, messages in batches
        }
        for future in as_completed(sent):
            hook, messages = sent[future]
            try:
                answers = future.result()
            except Exception:
                # Of one address; the others go on, and this one's events are taken again later.
                logger.exception("Webhook %s could not be served.", hook.pk)
                continue
            for message, answer in zip(messages, answers, strict=False):
                _write_down(hook, message.delivery, answer)
            _give_back(messages[len(answers) :])
            tried += len(answers)
    return tried


def _due(now: datetime) -> Q:
    return Q(state=DeliveryState.WAITING, due_at__lte=now)


def _hooks_with_work() -> list[Webhook]:
    """Those that are neither paused nor resting and have something due: whose work waits longest first."""
    now = timezone.now()
    due = WebhookDelivery.objects.filter(_due(now), webhook__paused_at=None).exclude(
        webhook__not_before__gt=now
    )
    # By webhook: one with a long queue must not stand before all others.
    by_hook = due.order_by().values("webhook").annotate(oldest=Min("due_at")).order_by("oldest")
    chosen = list(by_hook.values_list("webhook", flat=True)[:HOOKS_A_ROUND])
    return list(Webhook.objects.filter(pk__in=chosen).select_related("cohort", "created_by"))


def _take(hook: Webhook) -> list[Message]:
    """What is due of one webhook, in the order of the facts; taken, so that no other round sends it too."""
    now = timezone.now()
    taken = []
    for delivery in hook.deliveries.filter(_due(now)).order_by("created_at", "id")[:BATCH]:
        moved = WebhookDelivery.objects.filter(_due(now), pk=delivery.pk).update(due_at=now + TAKEN_FOR)
        if moved == 1:
            taken.append(Message(delivery, body_of(delivery)))
    return taken


def _give_back(messages: list[Message]) -> None:
    keys = [message.delivery.pk for message in messages]
    if keys:
        WebhookDelivery.objects.filter(pk__in=keys).update(due_at=timezone.now())


def body_of(delivery: WebhookDelivery) -> bytes:
    """What is sent: kind, time and ids."""
    told = {"type": delivery.event, "timestamp": delivery.created_at.isoformat(), "data": delivery.data}
    return json.dumps(told, separators=(",", ":")).encode()


def _send(url: str, keys: list[bytes], messages: list[Message]) -> list[Answer]:
    """Post one after the other, until one is not taken or the round is over; no database here."""
    answers: list[Answer] = []
    until = time.monotonic() + ROUND_SECONDS
    for message in messages:
        left = until - time.monotonic()
        if left <= 0:
            break
        signed = headers(keys, message.delivery.pk, timezone.now(), message.body)
        kind = {"Content-Type": "application/json", "User-Agent": "SecondRead-Webhooks/1"}
        answers.append(post(url, message.body, kind | signed, left))
        if not answers[-1].is_taken:
            break
    return answers


def _write_down(hook: Webhook, delivery: WebhookDelivery, answer: Answer) -> None:
    now = timezone.now()
    attempts = delivery.attempts + 1
    told = {"attempts": attempts, "tried_at": now, "answer_status": answer.status, "failure": answer.failure}
    own = WebhookDelivery.objects.filter(pk=delivery.pk)
    if answer.is_taken:
        own.update(state=DeliveryState.DELIVERED, **told)
        Webhook.objects.filter(pk=hook.pk).update(failing_since=None, not_before=None)
        return
    logger.info("Webhook %s did not take an event: %s.", hook.pk, answer.status or answer.failure)
    if attempts >= TRIES:
        own.update(state=DeliveryState.FAILED, **told)
    else:
        own.update(due_at=now + WAITS[attempts - 1], **told)
    Webhook.objects.filter(pk=hook.pk).update(
        failing_since=Coalesce(F("failing_since"), now), not_before=now + REST
    )
    has_failed_long = Q(failing_since__lte=now - PAUSED_AFTER)
    _pause(hook, Q() if answer.status == GONE else has_failed_long)


def _pause(hook: Webhook, where: Q) -> None:
    """Pause an address that says it is gone, or has failed for long, and tell its owner."""
    with transaction.atomic():
        paused = Webhook.objects.filter(where, pk=hook.pk, paused_at=None).update(paused_at=timezone.now())
        if paused:
            audit.record(by=None, action="webhook.paused", subject=hook, cohort=hook.cohort)
            transaction.on_commit(lambda: send_notice_of_pause(hook))


def forget_old() -> int:
    """Delete what is older than KEPT, whatever became of it; how many."""
    deleted, _by_model = WebhookDelivery.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    return deleted
