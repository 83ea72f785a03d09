"""What a worker does of uploads in pieces."""

from __future__ import annotations

from cases.intake.incoming import working
from cases.lifecycle import INCOMING_AT_WORK
from cases.models import IncomingUpload


def work_on_uploads() -> None:
    """Look at those that are here as a whole, and take in those that were confirmed."""
    for key in IncomingUpload.objects.filter(state__in=INCOMING_AT_WORK).values_list("pk", flat=True):
        working.work_on(key)
