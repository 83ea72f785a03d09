"""The commit of a blinded read: class and confidence are locked, and only then the network is shown."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _t

from cases import audit, disclosures
from cases.lifecycle import Reading
from cases.models import Draft, FirstRead
from cases.permissions import Reader
from cases.reading.claims import take_slot
from cases.reading.protocols import freeze, terms_for
from cases.reading.read_input import ReadInput, checked_read


class FirstReadConflict(Exception):
    """The reader has committed already, in another window: `current` is what stands."""

    def __init__(self, current: FirstRead) -> None:
        super().__init__(_t("You have committed a read of this case already."))
        self.current = current


def commit_first_read(*, reader: Reader, read: ReadInput) -> FirstRead:
    """Lock the reader's own class and confidence.

    Raises ValidationError, FirstReadConflict, and SlotTaken where others fill the case.
    """
    by, case = reader.user, reader.case
    if terms_for(case).reading != Reading.BLINDED:
        raise ValidationError(_t("In this cohort the network's result is shown first: review the case."))
    read = checked_read(read, case)
    try:
        with transaction.atomic():
            protocol = freeze(take_slot(reader=reader))
            first = FirstRead.objects.create(
                case=case,
                reader=by,
                read_class=read.read_class,
                protocol=protocol,
                **read.columns(),
                **disclosures.seen_by(by, case).columns(),
            )
            Draft.objects.filter(case=case, reader=by).delete()
            audit.record(by=by, action="first_read.committed", subject=first, cohort=case.cohort)
    except IntegrityError:
        current = FirstRead.objects.filter(case=case, reader=by).first()
        if current is None:
            raise
        raise FirstReadConflict(current) from None
    return first
