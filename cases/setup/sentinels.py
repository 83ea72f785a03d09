"""Which cases of a cohort are sentinels: cases of known answer, read like any other and in no figure of the
study (docs/adr/0037-sentinels.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _t

from cases import audit
from cases.lifecycle import CaseState
from cases.models import Case, Cohort
from cases.models.statement import MAX_REASON
from cases.permissions import Action, require

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from portal.accounts.models import User

MOST_AT_ONCE = 500
# So many codes are named in one sentence.
NAMED = 10


def has_begun(state: str, protocol: UUID | None) -> bool:
    """Whether the reading of a case in this state, under this protocol, has begun: it stays what it is."""
    return protocol is not None or state != CaseState.OPEN


def mark(*, by: User, cohort: Cohort, codes: Sequence[str], is_sentinel: bool, reason: str) -> int:
    """Make sentinels of the cases, or ordinary ones again; how many changed.

    Nothing is written where one of them does not fit. Raises ValidationError.
    """
    require(by, Action.MANAGE, cohort)
    reason = reason.strip()[:MAX_REASON]
    if not reason:
        raise ValidationError({"reason": _t("Say why these cases are sentinels, or are none any more.")})
    wanted = {code.strip().upper() for code in codes if code.strip()}
    if not 0 < len(wanted) <= MOST_AT_ONCE:
        few = _t("Name between 1 and %(most)d cases; received %(n)d.")
        raise ValidationError({"codes": few % {"most": MOST_AT_ONCE, "n": len(wanted)}})
    with transaction.atomic():
        # The protocol is not changed meanwhile.
        locked = Cohort.objects.select_for_update().get(pk=cohort.pk)
        if is_sentinel and not locked.has_sentinels:
            raise ValidationError(_t("The protocol has no sentinels: say in it that they may be mixed in."))
        of_these = Case.objects.filter(cohort=locked, code__in=wanted, deleted_at__isnull=True)
        cases = list(of_these.select_for_update(of=("self",)).order_by("pk"))
        _check(wanted, cases, is_sentinel=is_sentinel)
        changed = [case for case in cases if case.is_sentinel != is_sentinel]
        Case.objects.filter(pk__in=[case.pk for case in changed]).update(is_sentinel=is_sentinel)
        action = "sentinel.marked" if is_sentinel else "sentinel.unmarked"
        audit.record_each(by=by, action=action, cases=changed, details={"reason": reason})
    return len(changed)


def _check(wanted: set[str], cases: Sequence[Case], *, is_sentinel: bool) -> None:
    missing = wanted - {case.code for case in cases}
    begun = {case.code for case in cases if has_begun(case.state, case.protocol_id)}
    unknown = {case.code for case in cases if is_sentinel and not case.ground_truth}
    wrong = [
        (missing, _t("There are no such cases in this cohort: %(codes)s.")),
        (begun, _t("Their reading has begun, so that they stay what they are: %(codes)s.")),
        (unknown, _t("They have no known class; set it first: %(codes)s.")),
    ]
    told = [sentence % {"codes": _named(codes)} for codes, sentence in wrong if codes]
    if told:
        raise ValidationError({"codes": told})


def _named(codes: set[str]) -> str:
    first = ", ".join(code[:20] for code in sorted(codes)[:NAMED])
    rest = len(codes) - NAMED
    return first if rest <= 0 else _t("%(codes)s and %(n)d more") % {"codes": first, "n": rest}
