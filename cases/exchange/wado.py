"""What WADO-RS hands out (PS3.18, 10.4): the stored pictures as DICOM made anew, under keys of the cohort.

Nothing of the file that came in was kept but what `cases.intake.deidentification` let through, and no result
is in it. Each picture is an instance of one frame, also where its file had many.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, SecondaryCaptureImageStorage

from cases.access import existing_images
from cases.exchange.qido import uid_of
from cases.export.dicom.identifiers import uid_of as own_uid
from cases.models import Cohort, Image
from cases.permissions import visible_to
from cases.viewer.images import drawings_at_once, pixels_of
from cases.viewer.placing import geometry_of
from inference.formats.wire import intensity_of_plain

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from inference.formats import Pixels
    from inference.geometry import Geometry
    from portal.accounts.models import User

_BYTE = 8
METHOD = "Made anew from pixels, numbers and words of closed lists; keys in place of identifiers"
# What was done against names (PS3.16, CID 7050), in the standard's words.
_PROFILE = {
    "113100": "Basic Application Confidentiality Profile",
    "113101": "Clean Pixel Data Option",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
}
# What `inference.formats.dicom.kept` keeps and an MR image has (PS3.3, C.8.3.1).
_WORDS = ("ScanningSequence", "SequenceVariant", "MRAcquisitionType", "PatientPosition", "BodyPartExamined")
_NUMBERS = (
    "EchoTime",
    "RepetitionTime",
    "InversionTime",
    "FlipAngle",
    "MagneticFieldStrength",
    "EchoTrainLength",
    "SliceThickness",
    "SpacingBetweenSlices",
    "PixelBandwidth",
)
# Type 1 of an MR image: research mode, no variant.
_UNTOLD = {"ScanningSequence": "RM", "SequenceVariant": "NONE"}
# Empty where nothing is known: type 2 of the modules of both kinds of image.
_EMPTY = (
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
    "SeriesNumber",
    "Laterality",
    "Manufacturer",
)
_EMPTY_OF_MR = (
    "ScanOptions",
    "MRAcquisitionType",
    "EchoTime",
    "EchoTrainLength",
    "RepetitionTime",
    "InversionTime",
    "PatientPosition",
    "PositionReferenceIndicator",
)


def images_of(user: User, cohort: Cohort, **keys: str) -> QuerySet[Image]:
    """The images that the user may see, of the study, series or instance with these keys; in their order."""
    names = {"study": "case__series__study_key", "series": "case__series__series_key"}
    wanted = {names.get(name, "instance_key"): key for name, key in keys.items()}
    found = existing_images().filter(case__in=visible_to(user), case__cohort=cohort, **wanted)
    found = found.exclude(instance_key="").exclude(case__series__series_key="")
    return found.select_related("case__series").order_by("case__series__series_key", "position")


def header_of(image: Image) -> Dataset:
    """The instance without its pixels."""
    geometry = geometry_of(image)
    is_mr = _is_mr(image, geometry)
    instance = Dataset()
    instance.SpecificCharacterSet = "ISO_IR 192"
    instance.SOPClassUID = MRImageStorage if is_mr else SecondaryCaptureImageStorage
    instance.ImageType = ["DERIVED", "PRIMARY", *(["OTHER"] if is_mr else [])]
    for keyword in _EMPTY:
        setattr(instance, keyword, None)
    _identify(instance, image)
    if is_mr:
        _describe(instance, image)
        _place(instance, image, geometry)
    else:
        instance.ConversionType = "WSD"
        instance.PatientOrientation = _orientation(geometry)
        if geometry.spacing:
            instance.NominalScannedPixelSpacing = _decimals(geometry.spacing)
    _lay_out(instance, image)
    return instance


def instance_of(image: Image) -> bytes:
    """The instance as a file (PS3.10). Raises FileNotFoundError or InferenceError."""
    instance = header_of(image)
    instance.PixelData = frame_of(image)
    instance["PixelData"].VR = "OB" if image.bit_depth == _BYTE else "OW"
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = instance.SOPClassUID
    meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID
    instance.file_meta = meta
    file = io.BytesIO()
    instance.save_as(file, enforce_file_format=True)
    return file.getvalue()


def frame_of(image: Image) -> bytes:
    """The pixels as they stand in the instance, an even number of bytes."""
    with drawings_at_once:
        pixels: Pixels = pixels_of(image)
        data = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()
    return data + b"\0" * (len(data) % 2)


def related(parts: Iterable[bytes], media_type: str, boundary: str) -> Iterator[bytes]:
    """The parts as a multipart/related body, one in memory at a time. An error on the way cuts the
    connection, and the client knows that the answer is not complete.
    """
    for part in parts:
        yield f"--{boundary}\r\nContent-Type: {media_type}\r\nContent-Length: {len(part)}\r\n\r\n".encode()
        yield part
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _is_mr(image: Image, geometry: Geometry) -> bool:
    """Whether all is known that an MR image has to say; else it is a Secondary Capture."""
    is_placed = None not in (geometry.right, geometry.down, geometry.position, geometry.spacing)
    return image.case.series.modality == "MR" and image.colour == "grey" and is_placed


def _identify(instance: Dataset, image: Image) -> None:
    series = image.case.series
    instance.SOPInstanceUID = uid_of(image.instance_key)
    instance.StudyInstanceUID, instance.SeriesInstanceUID = (
        uid_of(series.study_key),
        uid_of(series.series_key),
    )
    instance.StudyDate = series.acquired_on.strftime("%Y%m%d") if series.acquired_on else None
    instance.Modality = series.modality or "OT"
    instance.PatientID = series.patient_key
    instance.InstanceNumber = image.position + 1
    instance.PatientIdentityRemoved = "YES"
    instance.DeidentificationMethod = METHOD[:64]
    if codes := [code for code in image.deidentification.get("profile", ()) if code in _PROFILE]:
        instance.DeidentificationMethodCodeSequence = [_code(code) for code in codes]
    if image.deidentification.get("burned_in") == "no":
        instance.BurnedInAnnotation = "NO"


def _code(value: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", _PROFILE[value]
    return item


def _describe(instance: Dataset, image: Image) -> None:
    """How the picture was taken."""
    kept = _UNTOLD | image.deidentification.get("kept", {})
    for keyword in _EMPTY_OF_MR:
        setattr(instance, keyword, None)
    for keyword in _WORDS:
        if keyword in kept:
            setattr(instance, keyword, str(kept[keyword]).split("\\"))
    for keyword in _NUMBERS:
        if keyword in kept:
            value = float(kept[keyword])
            setattr(instance, keyword, int(value) if keyword == "EchoTrainLength" else f"{value:.8g}")


def _place(instance: Dataset, image: Image, geometry: Geometry) -> None:
    """Where the slice lies (PS3.3, C.7.6.2)."""
    instance.ImageOrientationPatient = _decimals((*(geometry.right or ()), *(geometry.down or ())))
    instance.ImagePositionPatient = _decimals(geometry.position or ())
    instance.PixelSpacing = _decimals(geometry.spacing or ())
    instance.SliceThickness = f"{geometry.thickness:.8g}" if geometry.thickness else None
    series = image.case.series
    instance.FrameOfReferenceUID = own_uid("frame of reference", series.study_key, series.series_key)


def _lay_out(instance: Dataset, image: Image) -> None:
    """What the pixels are, and what their values stand for."""
    is_grey = image.colour == "grey"
    instance.SamplesPerPixel = 1 if is_grey else 3
    instance.PhotometricInterpretation = "MONOCHROME2" if is_grey else "RGB"
    if not is_grey:
        instance.PlanarConfiguration = 0
    instance.Rows, instance.Columns = image.height, image.width
    instance.BitsAllocated = instance.BitsStored = image.bit_depth
    instance.HighBit, instance.PixelRepresentation = image.bit_depth - 1, 0
    intensity = intensity_of_plain(image.intensity)
    slope, intercept = intensity.slope or 1.0, intensity.intercept or 0.0
    if intensity.slope is not None:
        instance.RescaleSlope, instance.RescaleIntercept = _decimals((slope, intercept))
        instance.RescaleType = "US"
    if intensity.windows and is_grey:
        # Greys that become black and white, as C.11.2.1.2 counts: the width is one more than their distance.
        low, high = (slope * grey + intercept for grey in intensity.windows[0])
        instance.WindowCenter, instance.WindowWidth = _decimals(((low + high + 1) / 2, high - low + 1))


def _orientation(geometry: Geometry) -> list[str]:
    markers = geometry.markers
    # DICOM's letters for head and feet (PS3.3, C.7.6.1.1.1).
    return [side.replace("S", "H").replace("I", "F") for side in (markers[1], markers[3])] if markers else []


def _decimals(values: Iterable[float]) -> list[str]:
    """As DICOM's decimal strings, which have 16 letters at the most."""
    return [f"{value:.8g}" for value in values]
