"""Sending what waits: the worker's side. The rows are the outbox, and the queue only a wake-up."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from cases import audit, leases
from cases.exchange.answers import Answer, NotSent, Refused, TryLater, Unreachable
from cases.exchange.content import content_of, facts_to_send, linked
from cases.exchange.deadline import MOST_SECONDS
from cases.exchange.destinations import Destination, DestinationError, destinations
from cases.exchange.sendings import asked_for
from cases.intake.originals import KeyMissing
from cases.lifecycle import CaseState, SendingMoment, SendingState
from cases.models import Adjudication, Case, Review, Sending, SendingRule

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from cases.export.dicom.facts import CaseFacts

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=2 * MOST_SECONDS)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
# One task sends for so long; what is left is due at the next beat.
ROUND_SECONDS = 60.0
# A statement is seen by others when its transaction ends: nobody's takes longer than this.
OVERLAP = timedelta(minutes=10)


def queue_final() -> int:
    """Ask for what became final, or was amended, in cohorts that send by themselves; how many cases."""
    count = 0
    for rule in SendingRule.objects.filter(moment=SendingMoment.FINAL):
        now = timezone.now()
        after = max(rule.since, rule.looked_at - OVERLAP)
        for case in _spoken_of(rule, after).iterator(chunk_size=100):
            facts = facts_to_send(case)
            if facts and _is_new(case, rule, content_of(facts)):
                asked_for(by=None, case=case, destination=rule.destination, content=content_of(facts))
                count += 1
        SendingRule.objects.filter(pk=rule.pk).update(looked_at=now)
    return count


def _spoken_of(rule: SendingRule, after: datetime) -> QuerySet[Case]:
    """The cohort's reviewed cases of which somebody has said something since."""
    reviews = Review.objects.filter(created_at__gt=after, case__cohort=rule.cohort_id).values("case")
    decisions = Adjudication.objects.filter(created_at__gt=after, case__cohort=rule.cohort_id).values("case")
    return Case.objects.filter(
        Q(pk__in=reviews) | Q(pk__in=decisions),
        cohort=rule.cohort_id,
        state=CaseState.REVIEWED,
        is_quarantined=False,
        deleted_at__isnull=True,
        is_simulated=False,
    ).select_related("cohort")


def _is_new(case: Case, rule: SendingRule, content: str) -> bool:
    return not Sending.objects.filter(case=case, destination=rule.destination, content=content).exists()


def due() -> list[str]:
    """The destinations that something is due for."""
    waiting = Sending.objects.filter(leases.is_due(), state=SendingState.WAITING)
    return list(waiting.order_by("destination").values_list("destination", flat=True).distinct())


def send_to(name: str) -> int:
    """Send what is due to one destination, until its time is over or nobody answers there; how many cases."""
    try:
        destination = destinations().get(name)
    except DestinationError as error:
        # The settings are the operator's to mend; what waits, waits.
        _log("Nothing can be sent", str(error))
        return 0
    count, until = 0, time.monotonic() + ROUND_SECONDS
    while time.monotonic() < until and (sending := _take(name)):
        if not _attempt(sending, destination):
            break
        count += 1
    return count


def _take(name: str) -> Sending | None:
    """A sending that is due, and now this process's; what was tried least comes first, so that one that a
    peer cannot take keeps nothing else waiting.
    """
    rows = Sending.objects.select_related("case__cohort", "cohort", "asked_by")
    waits = Q(destination=name, state=SendingState.WAITING)
    return leases.take(rows.order_by("attempts", "created_at"), waits, lasting=LEASE)


def _attempt(sending: Sending, destination: Destination | None) -> bool:
    """Send one case; False where nobody answers, and the others shall wait too."""
    try:
        _deliver(sending, destination)
    except Unreachable as failure:
        _put_off(sending, failure.answer, with_others=True)
        return False
    except TryLater as failure:
        _put_off(sending, failure.answer)
    except NotSent as refusal:
        _end(sending, SendingState.REFUSED, refusal.answer)
    except DestinationError as error:
        _log("Nothing can be sent", str(error))
        _put_off(sending, Answer("settings"), with_others=True)
        return False
    except KeyMissing:
        _log(f"Sending {sending.pk} failed", "ORIGINALS_KEYS lacks the key of its references")
        _put_off(sending, Answer("key_missing"))
    except Exception as error:  # noqa: BLE001 - the others are to be sent whatever becomes of this one
        # Its kind alone: its words might quote what a peer said.
        _log(f"Sending {sending.pk} failed", type(error).__name__)
        _put_off(sending, Answer("failed"))
    return True


def _deliver(sending: Sending, destination: Destination | None) -> None:
    """Send the instances, and write down that they have arrived. Raises NotSent or DestinationError."""
    if destination is None:
        raise Refused(Answer("unknown_destination"))
    facts = facts_to_send(sending.case)
    if facts is None:
        raise Refused(Answer("withheld"))
    # highdicom and pynetdicom: for the worker alone.
    from cases.exchange import cstore_client, stow_client
    from cases.export.dicom.archive import instances_of

    store = stow_client.store if destination.kind == "stow" else cstore_client.store
    answer = store(destination, (instance for _, instance in instances_of(linked(facts))))
    _end(sending, SendingState.SENT, answer, facts)


def _log(what: str, why: str) -> None:
    logger.error("%s: %s", what, why)


def _put_off(sending: Sending, answer: Answer, *, with_others: bool = False) -> None:
    """Try again later, each time after twice as long, or give up. with_others: nor shall what else is due for
    this destination be tried before.
    """
    now = timezone.now()
    if now - sending.created_at > timedelta(hours=settings.DICOM_DESTINATION_GIVE_UP_HOURS):
        _end(sending, SendingState.GIVEN_UP, answer)
        return
    next_at = now + leases.pause_after(sending.attempts, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
    with suppress(leases.Lost):
        leases.put_off(sending, next_at, answer=answer.plain())
    if with_others:
        waiting = Sending.objects.filter(state=SendingState.WAITING, destination=sending.destination)
        waiting.filter(token=None, next_at__lt=next_at).update(next_at=next_at)


def _end(sending: Sending, state: SendingState, answer: Answer, facts: CaseFacts | None = None) -> None:
    """Write down how it ended, unless somebody else has taken it meanwhile."""
    told = {"content": content_of(facts), "instances": answer.instances} if facts else {}
    with suppress(leases.Lost), transaction.atomic():
        leases.end(sending, state=state, ended_at=timezone.now(), answer=answer.plain(), **told)
        audit.record(
            by=sending.asked_by,
            action=f"case.sending_{state}",
            subject=sending.case,
            cohort=sending.cohort,
            destination=sending.destination,
            attempts=sending.attempts,
            instances=answer.instances,
            code=answer.code,
        )
