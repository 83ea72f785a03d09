"""The study that instances are in: one of ours, or the one that the pictures came from, where the cohort may
keep what names that (docs/adr/0024-sending-to-archives.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset

from cases.export.dicom.identifiers import uid_of
from cases.export.dicom.stamps import METHOD
from inference.geometry import turned_back

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cases.export.dicom.facts import CaseFacts
    from cases.export.dicom.regions import Graphic
    from cases.models import Image

# Behind the series of the original study, which count from 1.
_BEHIND = 9000


def own_uid(facts: CaseFacts, kind: str, *of: object) -> str:
    """The UID of an instance or series of ours: in the original study its content is another one."""
    return uid_of(kind, *of, *(("in the original study",) if facts.link else ()))


def series_number(facts: CaseFacts, number: int) -> int:
    """The number of a series of ours in its study."""
    return number + (_BEHIND if facts.link else 0)


def study_uid(facts: CaseFacts) -> str:
    """The UID of the study."""
    return next((original.study for original in facts.link.values()), uid_of("study", facts.case.pk))


def name_patient(facts: CaseFacts, instance: Dataset) -> None:
    """Say whose the instance is: the case's code; in the original study the number that the archive has the
    patient under, and no name, which nobody here knows.
    """
    for original in facts.link.values():
        instance.PatientID, instance.PatientName = original.patient, None
        if original.issuer:
            instance.IssuerOfPatientID = original.issuer
        instance.PatientIdentityRemoved = "NO"
        return
    instance.PatientID, instance.PatientName = facts.case.code, f"{facts.case.code}^"
    instance.PatientIdentityRemoved = "YES"
    instance.DeidentificationMethod = METHOD


def evidence_of(facts: CaseFacts, pictures: Sequence[Dataset]) -> list[Dataset]:
    """What reports refer to, by `facts.images`: our captures, or the originals."""
    if not facts.link:
        return list(pictures)
    found = []
    for image, picture in zip(facts.images, pictures, strict=True):
        original = facts.link[image.position]
        instance = Dataset()
        instance.update(picture)
        instance.SOPClassUID, instance.SOPInstanceUID = original.sop_class, original.instance
        instance.SeriesInstanceUID = original.series
        found.append(instance)
    return found


def frames_of(facts: CaseFacts, image: Image) -> list[int] | None:
    """The frame that an image is in what reports refer to; None where that has one alone."""
    original = facts.link.get(image.position)
    return [original.frame] if original and original.frame else None


def in_file(facts: CaseFacts, image: Image, graphic: Graphic) -> Graphic:
    """A graphic in the pixels of what reports refer to: of our captures, or of the original."""
    original = facts.link.get(image.position)
    if original is None:
        return graphic
    points = turned_back(
        graphic.points, original.way, (image.height, image.width), (original.rows, original.columns)
    )
    if graphic.kind == "ELLIPSE" and _length(points[:2]) < _length(points[2:]):
        points = np.concatenate([points[2:], points[:2]])
    return type(graphic)(graphic.kind, points, graphic.name)


def source_item(facts: CaseFacts, image: Image) -> Dataset | None:
    """The original as an item of a sequence of references; None where it is not told."""
    original = facts.link.get(image.position)
    if original is None:
        return None
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = original.sop_class, original.instance
    if original.frame:
        item.ReferencedFrameNumber = original.frame
    return item


def _length(ends: np.ndarray) -> float:
    return float(np.linalg.norm(ends[1] - ends[0]))
