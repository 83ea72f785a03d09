"""Secondary Captures (PS3.3, A.8.1) of the pictures of a case, and of what was drawn over one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highdicom.sc import SCImage
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset

from cases.disclaimer import DISCLAIMER
from cases.export.dicom.drawings import SIMULATED, drawing_of, picture_of
from cases.export.dicom.facts import made_at
from cases.export.dicom.identifiers import uid_of
from cases.export.dicom.stamps import stamp
from cases.viewer.placing import geometry_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cases.models import Case, Image, Prediction

MANUFACTURER = "SecondRead"
PICTURES, DRAWINGS = 1, 2
_BITS, _GREY_AXES = 8, 2


def capture_of_picture(case: Case, image: Image) -> SCImage:
    """The picture as the readers saw it, with its pixels in their places."""
    found = _capture(case, image, picture_of(case, image), "picture", image.pk, PICTURES)
    if spacing := geometry_of(image).spacing:
        # Of the scanner's picture, which was neither enlarged nor reduced (PS3.3, C.8.6.2).
        found.NominalScannedPixelSpacing = [f"{size:.8g}" for size in spacing]
    stamp(found, made_at(image))
    return found


def capture_of_drawing(case: Case, result: Prediction, picture: Dataset) -> SCImage:
    """The picture under the network's heat map; it names the capture of the picture as its source."""
    found = _capture(case, result.image, drawing_of(case, result), "drawing", result.pk, DRAWINGS)
    source = Dataset()
    source.ReferencedSOPClassUID = picture.SOPClassUID
    source.ReferencedSOPInstanceUID = picture.SOPInstanceUID
    source.PurposeOfReferenceCodeSequence = [
        CodedConcept("121322", "DCM", "Source image for image processing operation")
    ]
    found.SourceImageSequence = [source]
    found.DerivationDescription = f"Heat map of the network {result.model_version.name} over the picture"
    stamp(found, made_at(result))
    return found


def _capture(
    case: Case, image: Image, pixels: NDArray[np.uint8], kind: str, key: object, series: int
) -> SCImage:
    found = SCImage(
        pixel_array=pixels,
        photometric_interpretation="MONOCHROME2" if pixels.ndim == _GREY_AXES else "RGB",
        bits_allocated=_BITS,
        coordinate_system="PATIENT",
        # Set below: highdicom takes single letters alone, and none that are unknown.
        patient_orientation=("L", "P"),
        study_instance_uid=uid_of("study", case.pk),
        series_instance_uid=uid_of(f"{kind} series", case.pk),
        series_number=series,
        sop_instance_uid=uid_of(kind, key),
        instance_number=image.position + 1,
        manufacturer=MANUFACTURER,
        patient_id=case.code,
        patient_name=f"{case.code}^",
        specific_character_set="ISO_IR 192",
    )
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
