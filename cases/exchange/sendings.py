"""What is to be sent where: the rules of a cohort, and what people ask for by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone

from cases import audit
from cases.exchange.content import content_of, facts_to_send
from cases.lifecycle import SendingMoment, SendingState
from cases.models import Case, Cohort, Sending, SendingRule
from cases.permissions import Action, require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portal.accounts.models import User


class NothingToSend(Exception):
    """The case is not over, or nobody has read it; or its cohort sends nowhere."""


def choose_rules(*, by: User, cohort: Cohort, moments: Mapping[str, SendingMoment | None]) -> bool:
    """Set when the cohort's cases are sent to each destination; None for never. Whether anything changed.

    What waits for a destination that is chosen no more is not sent.
    """
    require(by, Action.MANAGE, cohort)
    with transaction.atomic():
        Cohort.objects.select_for_update().get(pk=cohort.pk)
        held = {rule.destination: rule for rule in SendingRule.objects.filter(cohort=cohort)}
        changed = [
            name
            for name, moment in moments.items()
            if moment != (held[name].moment if name in held else None)
        ]
        for name in changed:
            _set_rule(by, cohort, name, moments[name])
    return bool(changed)


def _set_rule(by: User, cohort: Cohort, name: str, moment: SendingMoment | None) -> None:
    now = timezone.now()
    rules = SendingRule.objects.filter(cohort=cohort, destination=name)
    if moment is None:
        rules.delete()
        Sending.objects.filter(cohort=cohort, destination=name, state=SendingState.WAITING).update(
            state=SendingState.GIVEN_UP, ended_at=now, token=None, answer={"code": "not_chosen"}
        )
    else:
        rules.update_or_create(
            cohort=cohort,
            destination=name,
            defaults={"moment": moment, "since": now, "looked_at": now},
        )
    said = moment.value if moment else "never"
    audit.record(by=by, action="sending.rule", subject=cohort, cohort=cohort, destination=name, moment=said)


def destinations_chosen(cohort: Cohort) -> list[str]:
    """The names of the destinations that the cohort's cases may be sent to."""
    return list(SendingRule.objects.filter(cohort=cohort).values_list("destination", flat=True))


def send_case(*, by: User, case: Case) -> list[Sending]:
    """Ask for a case to be sent to every destination of its cohort. Raises NothingToSend."""
    require(by, Action.MANAGE, case.cohort)
    names = destinations_chosen(case.cohort)
    facts = facts_to_send(case)
    if facts is None or not names:
        raise NothingToSend
    content = content_of(facts)
    return [asked_for(by=by, case=case, destination=name, content=content) for name in names]


def send_again(*, by: User, sending: Sending) -> Sending:
    """Ask for a case to be sent once more to one destination, as it is now. Raises NothingToSend."""
    require(by, Action.MANAGE, sending.cohort)
    facts = facts_to_send(sending.case)
    if facts is None or sending.destination not in destinations_chosen(sending.cohort):
        raise NothingToSend
    return asked_for(by=by, case=sending.case, destination=sending.destination, content=content_of(facts))


def asked_for(*, by: User | None, case: Case, destination: str, content: str) -> Sending:
    """The sending that waits: a new one, or the one that waits already, which tells what is said by then."""
    try:
        with transaction.atomic():
            sending = Sending.objects.create(
                case=case,
                cohort_id=case.cohort_id,
                destination=destination,
                content=content,
                asked_by=by,
                next_at=timezone.now(),
            )
            audit.record(
                by=by,
                action="case.sending_asked",
                subject=case,
                cohort=case.cohort,
                destination=destination,
            )
    except IntegrityError:
        waiting = Sending.objects.filter(case=case, destination=destination, state=SendingState.WAITING)
        if by is not None:
            # Somebody asks now: not in an hour.
            waiting.filter(token=None).update(next_at=timezone.now())
        found = waiting.first()
        if found is None:
            return asked_for(by=by, case=case, destination=destination, content=content)
        return found
    return sending
