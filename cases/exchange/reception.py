"""What one association brings: each instance is judged and answered, and at its release they become cases."""

from __future__ import annotations

import logging
import struct
from collections import Counter

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile

from cases.exchange.peers import Peer, PeerError
from cases.exchange.reasons import DUPLICATE, NO_ROOM, NOT_SUPPORTED, NOT_UNDERSTOOD, reason_of
from cases.intake.arrival import Arrival
from cases.intake.receipts import Outcome

logger = logging.getLogger(__name__)

SUCCESS, NOT_AUTHORISED, FAILED = 0x0000, 0x0124, 0x0110
# What the sender may show beside the number (PS3.7, annex C): at most 64 letters, and nothing of the file.
WORDS = {
    NOT_AUTHORISED: "The account or cohort of this AE title takes no upload.",
    FAILED: "The portal could not store this now. Send it again later.",
    NOT_SUPPORTED: "Objects of this kind are not taken here.",
    DUPLICATE: "Another picture with this identifier is here already.",
    NO_ROOM: "Too large, too many, or no room now. Ask the administrator.",
    NOT_UNDERSTOOD: "This cannot be read as a picture.",
}


def part_10(syntax: str, data: bytes) -> bytes:
    """A file of a data set as it came over the line. Its meta group is ours and names the transfer syntax
    alone: what the sender says beside the data set is not used.
    """
    value = syntax.encode("ascii")
    value += b"\0" * (len(value) % 2)
    element = struct.pack("<HH2sH", 2, 0x0010, b"UI", len(value)) + value
    length = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(element))
    return b"".join((bytes(128), b"DICM", length, element, data))


class Reception:
    """The instances of one association. `close` it in any case: what was not finished leaves nothing."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._arrival: Arrival | None = None
        self._count = 0
        self._refused: Counter[str] = Counter()

    def store(self, syntax: str, data: bytes) -> int:
        """Take an instance in; the status of its answer (PS3.4, B.2.3)."""
        self._count += 1
        if self._count > settings.DICOM_MAX_INSTANCES:
            self._refused["too_many_instances"] += 1
            return NO_ROOM
        try:
            receipt = self._opened().add(ContentFile(part_10(syntax, data)))
        except (PeerError, PermissionDenied):
            self._refused["not_authorised"] += 1
            return NOT_AUTHORISED
        if receipt is None or receipt.outcome != Outcome.REFUSED:
            return SUCCESS
        self._refused[receipt.code] += 1
        return reason_of(receipt)

    def finish(self) -> None:
        """Make the cases, and log how many instances became what."""
        receipts = self._arrival.finish() if self._arrival else []
        self._refused.update(each.code for each in receipts if each.outcome == Outcome.REFUSED)
        cases = {each.case.pk for each in receipts if each.case}
        if self._count:
            logger.info(
                "%s sent %d instances: %d cases, %d refused%s",
                self._peer.title,
                self._count,
                len(cases),
                self._refused.total(),
                "".join(f", {code} {count}" for code, count in sorted(self._refused.items())),
            )

    def close(self) -> None:
        """Let go what became part of no case."""
        if self._arrival:
            self._arrival.close()
            self._arrival = None

    def _opened(self) -> Arrival:
        if self._arrival is None:
            self._arrival = Arrival(by=self._peer.account(), cohort=self._peer.cohort())
        return self._arrival
