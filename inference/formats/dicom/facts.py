"""What one frame's header tells: where the slice lies, whose it is, what may be kept of it."""

from __future__ import annotations

import re

from inference.formats.base import Original, Source
from inference.formats.dicom.header import Header
from inference.formats.dicom.kept import kept_of
from inference.geometry import Geometry, Way, geometry_of

_LETTERS = {"L": 0, "R": 0, "P": 1, "A": 1, "H": 2, "F": 2}
_POSITIVE = frozenset("LPH")
_SCREEN_COPIES = ("1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.7.")
_LONGEST = 256
# PS3.5, 6.2 and 9.1. Anything else would make an archive file our reports somewhere else.
_UID = re.compile(r"(?=.{3,64}\Z)(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")
_LONG_STRING = re.compile(r"[^\x00-\x1f\x7f\\]{0,64}")


def geometry(header: Header) -> Geometry:
    """Where the frame lies, from the image plane (PS3.3, C.7.6.2), or from the letters of older pictures."""
    cosines = header.numbers("ImageOrientationPatient", "PlaneOrientationSequence")
    right, down = (cosines[:3], cosines[3:]) if len(cosines) == 6 else _directions(header)
    return geometry_of(
        right,
        down,
        _position(header),
        header.numbers("PixelSpacing", "PixelMeasuresSequence"),
        header.number("SliceThickness", "PixelMeasuresSequence"),
    )


def _position(header: Header) -> list[float] | None:
    """Where the frame lies; what a file of many frames says once is the place of the first alone."""
    position = header.numbers("ImagePositionPatient", "PlanePositionSequence")
    is_of_each = header.in_group("ImagePositionPatient", "PlanePositionSequence") is not None
    return position if is_of_each or (header.number("NumberOfFrames") or 1) == 1 else None


def aspect(header: Header) -> float:
    """The height of a pixel over its width, from the pixel aspect ratio or the spacing at the detector."""
    for keyword in ("PixelAspectRatio", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        numbers = header.numbers(keyword)
        if len(numbers) == 2 and min(numbers) > 0:
            return numbers[0] / numbers[1]
    return 1.0


def source(header: Header, shape: tuple[int, int], way: Way) -> Source:
    """Whose the frame is and of which series; `kept` holds nothing that could name anybody.

    shape: rows and columns of the file; way: how the picture was turned.
    """
    patient = "\n".join(filter(None, (_text(header, "PatientID"), _text(header, "IssuerOfPatientID"))))
    name, born = _person(header), _text(header, "PatientBirthDate")
    frames = header.number("NumberOfFrames") or 1
    instance = _text(header, "SOPInstanceUID")
    kept = kept_of(header)
    return Source(
        patient=patient if _text(header, "PatientID") else "\n".join(filter(None, (name, born))),
        person=f"{patient}\n{name}\n{born}",
        study=_text(header, "StudyInstanceUID"),
        series=_text(header, "SeriesInstanceUID"),
        instance=f"{instance}/{header.frame}" if instance and frames > 1 else instance,
        date=_text(header, "StudyDate") or _text(header, "AcquisitionDate"),
        number=_whole(header.number("InstanceNumber")),
        location=header.number("SliceLocation"),
        modality=str(kept.get("Modality", "")),
        apart=_apart(header),
        is_localizer="LOCALIZER" in header.words("ImageType") + header.words("FrameType"),
        burned_in=_burned_in(header),
        kept=kept,
        original=_original(header, int(frames), shape, way),
        removed=max(0, len(header.dataset) + len(header.dataset.file_meta) - len(kept)),
    )


def _original(header: Header, frames: int, shape: tuple[int, int], way: Way) -> Original | None:
    """What names the frame in the archive that it comes from; None where a part of it is no identifier."""
    original = Original(
        patient=_text(header, "PatientID"),
        issuer=_text(header, "IssuerOfPatientID"),
        study=_text(header, "StudyInstanceUID"),
        series=_text(header, "SeriesInstanceUID"),
        instance=_text(header, "SOPInstanceUID"),
        sop_class=_text(header, "SOPClassUID"),
        frame=header.frame + 1 if frames > 1 else 0,
        rows=shape[0],
        columns=shape[1],
        way=way,
    )
    uids = (original.study, original.series, original.instance, original.sop_class)
    texts = (original.patient, original.issuer)
    is_fit = all(map(_UID.fullmatch, uids)) and all(map(_LONG_STRING.fullmatch, texts))
    return original if is_fit else None


def _directions(header: Header) -> tuple[list[float] | None, list[float] | None]:
    """Of Patient Orientation (C.7.6.1.1.1), such as L\\P: the first letter of rows, and of columns."""
    words = header.words("PatientOrientation")
    if len(words) != 2 or not all(word[:1] in _LETTERS for word in words if word) or not all(words):
        return None, None
    found = []
    for word in words:
        direction = [0.0, 0.0, 0.0]
        direction[_LETTERS[word[0]]] = 1.0 if word[0] in _POSITIVE else -1.0
        found.append(direction)
    return found[0], found[1]


def _apart(header: Header) -> tuple[tuple[str, float], ...]:
    found = {
        "echo": header.number("EffectiveEchoTime", "MREchoSequence") or header.number("EchoTime"),
        "inversion": header.number("InversionTime"),
        "b-value": _b_value(header),
        "time": header.number("TemporalPositionIdentifier")
        or header.number("TemporalPositionIndex", "FrameContentSequence"),
        "trigger": header.number("TriggerTime"),
    }
    parts = [(name, value) for name, value in found.items() if value is not None]
    kinds = header.words("ImageType") or header.words("FrameType")
    # Magnitude, phase, real and imaginary pictures of one place stand beside each other in one series.
    parts += [
        (f"type {kind}", 1.0) for kind in ("M", "P", "R", "I", "PHASE", "REAL", "IMAGINARY") if kind in kinds
    ]
    # Last, since some scanners count every slice.
    acquisition = header.number("AcquisitionNumber")
    return tuple(parts if acquisition is None else [*parts, ("acquisition", acquisition)])


def _b_value(header: Header) -> float | None:
    return header.number("DiffusionBValue", "MRDiffusionSequence")


def _burned_in(header: Header) -> str:
    said = header.text("BurnedInAnnotation").upper()
    if said in ("YES", "NO"):
        return "yes" if said == "YES" else ""
    is_copy = header.text("SOPClassUID").startswith(_SCREEN_COPIES) or any(
        "SCREEN" in word for word in header.words("ImageType")
    )
    return "maybe" if is_copy else ""


def _person(header: Header) -> str:
    """The name as letters alone, so that the ways to write one name are one."""
    return "".join(letter for letter in _text(header, "PatientName").casefold() if letter.isalnum())


def _text(header: Header, keyword: str) -> str:
    return header.text(keyword)[:_LONGEST]


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)
