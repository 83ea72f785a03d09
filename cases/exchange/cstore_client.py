"""Sending by C-STORE: one association a case, each instance answered before the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.conf import settings
from pydicom.uid import (
    EnhancedSRStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE

from cases.exchange.answers import (
    WARNINGS,
    Answer,
    Refused,
    TryLater,
    Unreachable,
    as_reason,
    check_reasons,
)
from cases.exchange.deadline import deadline
from cases.exchange.destinations import Destination, tls_context

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pynetdicom.association import Association

_KINDS = (SecondaryCaptureImageStorage, EnhancedSRStorage)
_SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
_PERMANENT = 1  # PS3.8, table 9-21


def store(destination: Destination, instances: Iterable[Dataset]) -> Answer:
    """Send the instances. Raises Refused or TryLater."""
    association = _associate(destination)
    try:
        _check_kinds(association)
        reasons: Counter[str] = Counter()
        count = 0
        with deadline(association.abort):
            for instance in instances:
                count += 1
                status = _stored(association, instance)
                if status and status not in WARNINGS:
                    reasons[as_reason(status)] += 1
        check_reasons(dict(sorted(reasons.items())))
        return Answer("stored", 0, instances=count)
    except TimeoutError:
        raise Unreachable(Answer("broken_off")) from None
    finally:
        if association.is_established:
            association.release()


def _associate(destination: Destination) -> Association:
    entity = AE(ae_title=settings.DICOM_AE_TITLE)
    for seconds in ("acse_timeout", "dimse_timeout", "network_timeout", "connection_timeout"):
        setattr(entity, seconds, settings.DICOM_DESTINATION_TIMEOUT_SECONDS)
    for kind in _KINDS:
        entity.add_requested_context(kind, _SYNTAXES)
    association = entity.associate(
        destination.host,
        destination.port,
        ae_title=destination.title,
        tls_args=(tls_context(), destination.host) if destination.is_tls else None,
    )
    if association.is_established:
        return association
    if not association.is_rejected:
        raise Unreachable(Answer("unreachable"))
    refusal = association.acceptor.primitive
    if refusal is not None and refusal.result == _PERMANENT:
        raise Refused(Answer("association_refused"))
    raise TryLater(Answer("busy"))


def _check_kinds(association: Association) -> None:
    """Raise Refused where the peer takes no pictures or no reports: half a case says nothing."""
    taken = {str(context.abstract_syntax) for context in association.accepted_contexts}
    if not taken.issuperset(map(str, _KINDS)):
        raise Refused(Answer("kinds_refused"))


def _stored(association: Association, instance: Dataset) -> int:
    """The status of the answer. Raises Unreachable where none comes."""
    if not association.is_established:
        raise Unreachable(Answer("broken_off"))
    status = association.send_c_store(instance).get("Status")
    if status is None:
        raise Unreachable(Answer("broken_off"))
    return int(status)
