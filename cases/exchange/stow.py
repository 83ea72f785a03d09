"""What STOW-RS answers (PS3.18, 10.5.3 and annex I): which instances were stored, which were not, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cases.intake.receipts import Outcome, Receipt

# Tags of the answer, as DICOM's JSON names them.
_FAILED, _REFERENCED = "00081198", "00081199"
_CLASS, _INSTANCE = "00081150", "00081155"
_REASON, _RETRIEVE = "00081197", "00081190"
# Reasons (PS3.18, table I.2-2; PS3.7, annex C) by the codes of receipts.
_NOT_SUPPORTED, _DUPLICATE, _NO_ROOM, _NOT_UNDERSTOOD = 0x0122, 0x0111, 0xA700, 0xC000
_REASONS = {
    "no_picture": _NOT_SUPPORTED,
    "mosaic": _NOT_SUPPORTED,
    "dicom_directory": _NOT_SUPPORTED,
    "modality_refused": _NOT_SUPPORTED,
    "unsupported_format": _NOT_SUPPORTED,
    "instance_differs": _DUPLICATE,
    "disk_full": _NO_ROOM,
    "decoders_busy": _NO_ROOM,
    "file_too_large": _NO_ROOM,
    "too_many_images": _NO_ROOM,
}
# Status of the answer: all stored, some of them, none.
_ALL, _SOME, _NONE = 200, 202, 409


def answer_to(receipts: Iterable[tuple[tuple[str, str], Receipt]]) -> tuple[int, dict[str, Any]]:
    """Return the status, and the answer as DICOM's JSON.

    receipts: of each instance its SOP class and instance UID, as they came, and what became of it. One that
    was here already counts as stored. There is no address to retrieve an instance from: none is kept.
    """
    stored, failed = [], []
    for uids, receipt in receipts:
        item = _item(uids)
        if receipt.outcome == Outcome.REFUSED:
            reason = _REASONS.get(receipt.code, _NOT_UNDERSTOOD)
            failed.append(item | {_REASON: {"vr": "US", "Value": [reason]}})
        else:
            stored.append(item | {_RETRIEVE: {"vr": "UR"}})
    body: dict[str, Any] = {_RETRIEVE: {"vr": "UR"}}
    if failed:
        body[_FAILED] = {"vr": "SQ", "Value": failed}
    if stored:
        body[_REFERENCED] = {"vr": "SQ", "Value": stored}
    status = (_SOME if stored else _NONE) if failed else _ALL
    return status, body


def _item(uids: tuple[str, str]) -> dict[str, Any]:
    return {
        tag: {"vr": "UI", "Value": [uid]} if uid else {"vr": "UI"}
        for tag, uid in zip((_CLASS, _INSTANCE), uids, strict=True)
    }
