"""What of a header is kept: how the picture was taken, as numbers and as words of closed lists.

Whatever stands in a free text, or in a list that is open, can name somebody; nothing of it is kept.
"""

from __future__ import annotations

from inference.formats.dicom.header import Header

# Keyword, and the functional group that holds it in enhanced objects.
_NUMBERS: tuple[tuple[str, str], ...] = (
    ("EchoTime", ""),
    ("EffectiveEchoTime", "MREchoSequence"),
    ("RepetitionTime", "MRTimingAndRelatedParametersSequence"),
    ("InversionTime", ""),
    ("FlipAngle", "MRTimingAndRelatedParametersSequence"),
    ("MagneticFieldStrength", ""),
    ("EchoTrainLength", "MRTimingAndRelatedParametersSequence"),
    ("SliceThickness", "PixelMeasuresSequence"),
    ("SpacingBetweenSlices", "PixelMeasuresSequence"),
    ("PixelBandwidth", ""),
    ("DiffusionBValue", "MRDiffusionSequence"),
)
_MODALITIES = frozenset(
    {"CR", "CT", "DX", "ES", "GM", "IO", "IVUS", "MG", "MR", "NM", "OCT", "OP", "OT"}
    | {"PT", "PX", "RF", "RTIMAGE", "SC", "SM", "TG", "US", "XA", "XC"}
)
_WORDS: dict[str, frozenset[str]] = {
    "Modality": _MODALITIES,
    "ScanningSequence": frozenset({"SE", "IR", "GR", "EP", "RM"}),
    "SequenceVariant": frozenset({"SK", "MTC", "SS", "TRSS", "SP", "MP", "OSP", "NONE"}),
    "MRAcquisitionType": frozenset({"1D", "2D", "3D"}),
    "ImageType": frozenset(
        {
            "ORIGINAL",
            "DERIVED",
            "PRIMARY",
            "SECONDARY",
            "LOCALIZER",
            "M",
            "P",
            "R",
            "I",
            "MPR",
            "NORM",
            "NONE",
        }
    ),
    "BodyPartExamined": frozenset({"BRAIN", "HEAD", "HEADNECK", "NECK", "SKULL", "ORBIT", "PITUITARY"}),
    "PatientPosition": frozenset({"HFS", "HFP", "HFDR", "HFDL", "FFS", "FFP", "FFDR", "FFDL"}),
    "PhotometricInterpretation": frozenset(
        {
            "MONOCHROME1",
            "MONOCHROME2",
            "RGB",
            "PALETTE COLOR",
            "YBR_FULL",
            "YBR_FULL_422",
            "YBR_ICT",
            "YBR_RCT",
        }
    ),
}


def kept_of(header: Header) -> dict[str, str | float]:
    """The elements that are kept, by their keywords; several words of one with backslashes between."""
    kept: dict[str, str | float] = {}
    for keyword, words in _WORDS.items():
        if found := [word for word in header.words(keyword) if word in words]:
            kept[keyword] = "\\".join(dict.fromkeys(found))
    for keyword, group in _NUMBERS:
        number = header.number(keyword, group)
        # An identity number has more digits than any of these.
        if number is not None and abs(number) < 1e6:
            kept[keyword] = round(number, 4)
    return kept
