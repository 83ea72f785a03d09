"""The commit of a blinded read: class and confidence are locked, and only then the network is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _t

from cases import audit
from cases.lifecycle import Reading
from cases.models import Case, Draft, FirstRead
from cases.permissions import require_reader
from cases.reading.claims import claim_case
from cases.reading.protocols import freeze, terms_for
from cases.reading.statements import Statement, checked

if TYPE_CHECKING:
    from portal.accounts.models import User


class FirstReadConflict(Exception):
    """The reader has committed already, in another window: `current` is what stands."""

    def __init__(self, current: FirstRead) -> None:
        super().__init__(_t("You have committed a read of this case already."))
        self.current = current


def commit_first_read(*, by: User, case: Case, statement: Statement) -> FirstRead:
    """Lock the reader's own class and confidence.

    Raises ValidationError, PermissionDenied, FirstReadConflict, and SlotTaken where others fill the case.
    """
    require_reader(by, case)
    if terms_for(case).reading != Reading.BLINDED:
        raise ValidationError(_t("In this cohort the network's result is shown first: review the case."))
    statement = checked(statement, case)
    try:
        with transaction.atomic():
            claim_case(by=by, case=case)
            protocol = freeze(case)
            first = FirstRead.objects.create(
                case=case, reader=by, read_class=statement.class_code, protocol=protocol, **statement.fields()
            )
            Draft.objects.filter(case=case, reader=by).delete()
            audit.record(by=by, action="first_read.committed", subject=first, cohort=case.cohort)
    except IntegrityError:
        current = FirstRead.objects.filter(case=case, reader=by).first()
        if current is None:
            raise
        raise FirstReadConflict(current) from None
    return first
