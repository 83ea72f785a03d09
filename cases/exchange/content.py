"""What of a case is told to an archive at this moment, as a digest: another one once somebody amends."""

from __future__ import annotations

import hashlib

from cases.blinding import OVER
from cases.export.dicom.facts import CaseFacts, facts_of
from cases.export.dicom.identifiers import FORM
from cases.models import Case


def facts_to_send(case: Case) -> CaseFacts | None:
    """What may be told of a case: of one that is over, was read, and shows no name."""
    return facts_of(case) if case.state in OVER and not case.is_quarantined else None


def content_of(facts: CaseFacts) -> str:
    """The digest of what is told."""
    told = [str(FORM), str(facts.result.pk), str(facts.case.is_simulated)]
    told += [f"{read.said.pk} {read.is_verified}" for read in facts.reads]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()
