"""What of a case is told to an archive at this moment, as a digest: another one once somebody amends."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from cases.blinding import OVER
from cases.export.dicom.facts import CaseFacts, facts_of
from cases.export.dicom.identifiers import FORM
from cases.intake.originals import opened
from cases.models import Case, OriginalReference


def facts_to_send(case: Case) -> CaseFacts | None:
    """What may be told of a case: of one that is over, was read, shows no name, and is not deleted."""
    may_be_told = case.state in OVER and not case.is_quarantined and case.deleted_at is None
    return facts_of(case) if may_be_told else None


def content_of(facts: CaseFacts) -> str:
    """The digest of what is told."""
    told = [str(FORM), str(facts.result.pk), str(facts.case.is_simulated)]
    told += ["in the original study"] if _references_of(facts) else []
    told += [f"{read.said.pk} {read.is_verified}" for read in facts.reads]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def linked(facts: CaseFacts) -> CaseFacts:
    """The facts with what names the originals of their pictures, where the cohort keeps it of all of them and
    they are of one study and one patient. Raises KeyMissing.
    """
    found = {each.image.position: opened(each) for each in _references_of(facts)}
    studies = {(each.study, each.patient, each.issuer) for each in found.values()}
    return replace(facts, link=found) if len(studies) == 1 else facts


def _references_of(facts: CaseFacts) -> list[OriginalReference]:
    """Those of all pictures that are told of, or none."""
    if not facts.case.cohort.keeps_originals:
        return []
    found = OriginalReference.objects.filter(image__in=facts.images).select_related("image")
    return list(found) if len(found) == len(facts.images) else []
