"""What STOW-RS answers (PS3.18, 10.5.3 and annex I): which instances were stored, which were not, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cases.exchange.reasons import reason_of
from cases.intake.receipts import Outcome, Receipt

# Tags of the answer, as DICOM's JSON names them.
_FAILED, _REFERENCED = "00081198", "00081199"
_CLASS, _INSTANCE = "00081150", "00081155"
_REASON, _RETRIEVE = "00081197", "00081190"
# Status of the answer: all stored, some of them, none.
_ALL, _SOME, _NONE = 200, 202, 409


def answer_to(receipts: Iterable[tuple[tuple[str, str], Receipt]]) -> tuple[int, dict[str, Any]]:
    """Return the status, and the answer as DICOM's JSON.

    receipts: of each instance its SOP class and instance UID, as they came, and what became of it. One that
    was here already counts as stored. There is no address to retrieve it from: what is handed out is made
    anew, under other UIDs.
    """
    stored, failed = [], []
    for uids, receipt in receipts:
        item = _item(uids)
        if receipt.outcome == Outcome.REFUSED:
            reason = reason_of(receipt)
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
