"""Why an instance was not stored, in DICOM's numbers: the same over DICOMweb and over C-STORE."""

from __future__ import annotations

from cases.intake.receipts import Receipt

# PS3.4, table B.2-1; PS3.7, annex C; PS3.18, table I.2-2.
NOT_SUPPORTED, DUPLICATE, NO_ROOM, NOT_UNDERSTOOD = 0x0122, 0x0111, 0xA700, 0xC000
_REASONS = {
    "no_picture": NOT_SUPPORTED,
    "mosaic": NOT_SUPPORTED,
    "dicom_directory": NOT_SUPPORTED,
    "modality_refused": NOT_SUPPORTED,
    "unsupported_format": NOT_SUPPORTED,
    "instance_differs": DUPLICATE,
    "disk_full": NO_ROOM,
    "decoders_busy": NO_ROOM,
    "file_too_large": NO_ROOM,
    "too_many_images": NO_ROOM,
}


def reason_of(receipt: Receipt) -> int:
    """The number for a refusal."""
    return _REASONS.get(receipt.code, NOT_UNDERSTOOD)
