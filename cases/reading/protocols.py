"""The protocol of a cohort: changed here, and frozen when the reading of a case begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _t

from cases import audit
from cases.access import CaseDeleted
from cases.lifecycle import Reading, ReadingOrder
from cases.models import Case, Cohort, Protocol
from cases.models.protocol import MAX_READERS
from cases.models.statement import MAX_REASON
from cases.permissions import Action, may, require, roles_with

if TYPE_CHECKING:
    from portal.accounts.models import User


@dataclass(frozen=True)
class Terms:
    """What a protocol settles."""

    reading: Reading
    readers_required: int
    reading_order: ReadingOrder
    adjudicator: User | None
    reveals_ground_truth: bool
    has_sentinels: bool = False


def terms_of(source: Cohort | Protocol) -> Terms:
    """The terms that a cohort or a version carries."""
    return Terms(
        Reading(source.reading),
        source.readers_required,
        ReadingOrder(source.reading_order),
        source.adjudicator,
        source.reveals_ground_truth,
        source.has_sentinels,
    )


def terms_for(case: Case) -> Terms:
    """The terms under which this case is read: those that its reading began under, or the cohort's newest."""
    return terms_of(case.protocol or case.cohort)


def has_begun(cohort: Cohort) -> bool:
    """Whether a case was read under the newest version of the cohort's protocol."""
    return cohort.protocols.filter(version=cohort.protocol_version).exists()


def readers_under(cohort: Cohort) -> list[User]:
    """Who reads for the study under the newest terms (permissions.reading_cohorts), by name."""
    held = cohort.memberships.filter(role__in=roles_with(Action.REVIEW), user__is_active=True)
    if cohort.reading == Reading.BLINDED:
        held = held.exclude(role__in=roles_with(Action.MANAGE))
    held = held.exclude(user=cohort.adjudicator).select_related("user").order_by("user__full_name")
    return [each.user for each in held]


def change_protocol(*, by: User, cohort: Cohort, terms: Terms, reason: str = "") -> Cohort:
    """Give the cohort other terms, for the cases whose reading has not begun.

    Once a case was read under the newest version, the change is a new version and needs a reason.
    Raises ValidationError.
    """
    require(by, Action.MANAGE, cohort)
    _check(cohort, terms)
    with transaction.atomic():
        locked = Cohort.objects.select_for_update().get(pk=cohort.pk)
        before = terms_of(locked)
        if terms == before:
            return locked
        is_new = has_begun(locked)
        if is_new and not reason.strip():
            raise ValidationError(
                {"reason": _t("Cases were read under this protocol: say why it changes for the next ones.")}
            )
        for name, value in fields_of(terms).items():
            setattr(locked, name, value)
        locked.protocol_version += is_new
        locked.save(update_fields=[*fields_of(terms), "protocol_version"])
        audit.record(
            by=by,
            action="protocol.changed",
            subject=locked,
            cohort=locked,
            version=locked.protocol_version,
            reason=reason.strip()[:MAX_REASON],
            **_differences(before, terms),
        )
    return locked


def lock_case(case: Case) -> Case:
    """The case as it is now; its row is the lock of all who say something of it at once.

    Call it inside the transaction of the act. Raises CaseDeleted, and ValidationError where the case was
    moved meanwhile: what was checked was checked for its cohort of before.
    """
    # Its own row alone: the protocol may be missing.
    rows = Case.objects.select_for_update(of=("self",)).select_related("cohort", "protocol")
    locked = rows.get(pk=case.pk)
    if locked.deleted_at:
        raise CaseDeleted(locked)
    if locked.cohort_id != case.cohort_id:
        raise ValidationError(_t("This case was moved to another cohort meanwhile. Open it again."))
    return locked


def freeze(case: Case) -> Protocol:
    """The version that the reading of this case begins under; call it inside the transaction of the act, with
    the case locked.

    The cohort row is the lock, so that a change and a first read do not cross.
    """
    if case.protocol is not None:
        return case.protocol
    cohort = Cohort.objects.select_for_update().get(pk=case.cohort_id)
    version, _ = Protocol.objects.get_or_create(
        cohort=cohort, version=cohort.protocol_version, defaults=fields_of(terms_of(cohort))
    )
    Case.objects.filter(pk=case.pk).update(protocol=version)
    case.protocol = version
    return version


def fields_of(terms: Terms) -> dict[str, object]:
    """The fields by name, without a copy of the adjudicator."""
    return {name: getattr(terms, name) for name in Terms.__dataclass_fields__}


def _check(cohort: Cohort, terms: Terms) -> None:
    if not 1 <= terms.readers_required <= MAX_READERS:
        raise ValidationError(
            {"readers_required": _t("Between 1 and %(most)d readers a case.") % {"most": MAX_READERS}}
        )
    _check_sentinels(cohort, terms)
    if terms.adjudicator is None:
        return
    if terms.readers_required < 2:  # noqa: PLR2004 - two are the fewest who can differ
        raise ValidationError(
            {
                "adjudicator": _t(
                    "One reader alone cannot disagree: ask for two readers, or for no adjudicator."
                )
            }
        )
    if not may(terms.adjudicator, Action.REVIEW, cohort):
        raise ValidationError({"adjudicator": _t("The adjudicator has to be a reader of this cohort.")})


def _check_sentinels(cohort: Cohort, terms: Terms) -> None:
    """A sentinel must not be told from the other cases, which may have no known class."""
    if not terms.has_sentinels:
        if cohort.cases.filter(is_sentinel=True, protocol__isnull=True).exists():
            unread = _t("Sentinels wait to be read: take their marks off first, or leave this as it is.")
            raise ValidationError({"has_sentinels": unread})
    elif terms.reading == Reading.TEACHING:
        raise ValidationError({"has_sentinels": _t("A teaching cohort has no sentinels.")})
    elif terms.reveals_ground_truth:
        told = _t("Who is shown known classes could tell the sentinels: do not show them, or have none.")
        raise ValidationError({"has_sentinels": told})


def _differences(before: Terms, after: Terms) -> dict[str, audit.Detail]:
    """Old and new value of each changed term, for the audit; a person as an opaque id."""
    changed: dict[str, audit.Detail] = {}
    for name, old in fields_of(before).items():
        new = getattr(after, name)
        if old != new:
            changed |= {f"{name}_before": _plain(old), name: _plain(new)}
    return changed


def _plain(value: object) -> audit.Detail:
    if value is None or isinstance(value, bool | int):
        return value
    return str(getattr(value, "pk", value))
