"""How many are needed before a figure is given, from the settings (docs/guide-administrator.md).

That MRMC wants more than five readers is Gallas' advice (DIDSR/iMRMC, issue 147: of three to five, "give the
results of each reader"); the others are judgement.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True)
class Thresholds:
    """The least numbers: for a percentage, for a p value, for kappa, for calibration and each of its bins,
    for readers and for cases on either side of a crossed design.
    """

    percentage: int
    p_value: int
    kappa: int
    calibration: int
    bin: int
    readers: int
    side: int


def thresholds() -> Thresholds:
    """The least numbers that the operator has settled."""
    return Thresholds(**settings.EVIDENCE_LEAST)
