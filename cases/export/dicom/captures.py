"""Secondary Captures (PS3.3, A.8.1) of the pictures of a case, and of what was drawn over one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highdicom.sc import SCImage
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset

from cases.disclaimer import DISCLAIMER
from cases.export.dicom.drawings import SIMULATED, drawing_of, picture_of
from cases.export.dicom.facts import made_at
from cases.export.dicom.stamps import stamp
from cases.export.dicom.study import name_patient, own_uid, series_number, source_item, study_uid
from cases.viewer.placing import geometry_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cases.export.dicom.facts import CaseFacts
    from cases.models import Case, Image

MANUFACTURER = "SecondRead"
PICTURES, DRAWINGS = 1, 2
_BITS, _GREY_AXES = 8, 2


def capture_of_picture(facts: CaseFacts, image: Image) -> SCImage:
    """The picture as the readers saw it, with its pixels in their places."""
    found = _capture(facts, image, picture_of(facts.case, image), "picture", image.pk, PICTURES)
    if original := source_item(facts, image):
        _set_source(found, original)
    if spacing := geometry_of(image).spacing:
        # Of the scanner's picture, which was neither enlarged nor reduced (PS3.3, C.8.6.2).
        found.NominalScannedPixelSpacing = [f"{size:.8g}" for size in spacing]
    stamp(found, made_at(image))
    return found


def capture_of_drawing(facts: CaseFacts, picture: Dataset) -> SCImage:
    """The picture under the network's heat map; it names the capture of the picture as its source."""
    result = facts.result
    drawn = drawing_of(facts.case, result)
    found = _capture(facts, result.image, drawn, "drawing", result.pk, DRAWINGS)
    source = Dataset()
    source.ReferencedSOPClassUID = picture.SOPClassUID
    source.ReferencedSOPInstanceUID = picture.SOPInstanceUID
    _set_source(found, source)
    found.DerivationDescription = f"Heat map of the network {result.model_version.name} over the picture"
    stamp(found, made_at(result))
    return found


def _set_source(capture: SCImage, source: Dataset) -> None:
    source.PurposeOfReferenceCodeSequence = [
        CodedConcept("121322", "DCM", "Source image for image processing operation")
    ]
    capture.SourceImageSequence = [source]


def _capture(
    facts: CaseFacts, image: Image, pixels: NDArray[np.uint8], kind: str, key: object, series: int
) -> SCImage:
    case = facts.case
    found = SCImage(
        pixel_array=pixels,
        photometric_interpretation="MONOCHROME2" if pixels.ndim == _GREY_AXES else "RGB",
        bits_allocated=_BITS,
        coordinate_system="PATIENT",
        # Set below: highdicom takes single letters alone, and none that are unknown.
        patient_orientation=("L", "P"),
        study_instance_uid=study_uid(facts),
        series_instance_uid=own_uid(facts, f"{kind} series", case.pk),
        series_number=series_number(facts, series),
        sop_instance_uid=own_uid(facts, kind, key),
        instance_number=image.position + 1,
        manufacturer=MANUFACTURER,
        specific_character_set="ISO_IR 192",
    )
    name_patient(facts, found)
    markers = geometry_of(image).markers
    found.PatientOrientation = [markers[1], markers[3]] if markers else []
    found.SeriesDescription = _described(case, kind)
    found.BodyPartExamined = "BRAIN"
    # No words in the strip name a patient or a day.
    found.BurnedInAnnotation = "NO"
    found.ImageComments = DISCLAIMER
    return found


def _described(case: Case, kind: str) -> str:
    of = {"picture": "Picture as read", "drawing": "Heat map of the network"}[kind]
    return f"{of}, research use only" + (f", {SIMULATED}" if case.is_simulated else "")
