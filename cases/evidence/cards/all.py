"""Every card, in the order of the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cases.evidence.cards import (
    accuracy,
    agreement,
    calibration,
    confusion,
    crossed,
    drift,
    hardest,
    influence,
    times,
    versions,
)

if TYPE_CHECKING:
    from cases.evidence.cards.card import Card, Links
    from cases.evidence.study import Study

CARDS: dict[str, Callable[[Study, Links], Card]] = {
    "influence": influence.card,
    "accuracy": accuracy.card,
    "calibration": calibration.card,
    "versions": versions.card,
    "agreement": agreement.card,
    "confusion": confusion.card,
    "mrmc": crossed.card,
    "drift": drift.card,
    "hardest": hardest.card,
    "times": times.card,
}
