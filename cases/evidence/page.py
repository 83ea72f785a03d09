"""The evidence page's content."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from cases.evidence.cards.all import CARDS
from cases.evidence.cards.card import Card, Links
from cases.evidence.cards.influence import headline
from cases.evidence.study import LeftOut, Study, StudyFilter, study_of

if TYPE_CHECKING:
    from cases.models import Cohort


@dataclass(frozen=True)
class Evidence:
    """All cards of one cohort under one filter."""

    headline: str
    left_out: list[str]
    cards: list[Card]
    is_simulated: bool
    as_of: datetime


def evidence_of(cohort: Cohort, filters: StudyFilter) -> Evidence:
    """The figures of the cohort as they are now; of a large one they take many seconds (computed.py)."""
    return evidence_and_study(cohort, filters)[0]


def evidence_and_study(cohort: Cohort, filters: StudyFilter) -> tuple[Evidence, Study]:
    """The figures, and what they are made of."""
    study, links = study_of(cohort, filters), Links(cohort)
    cards = [card(study, links) for card in CARDS.values()]
    lines = left_out_lines(study.left_out)
    return Evidence(headline(study), lines, cards, study.is_simulated, study.as_of), study


def one_card(cohort: Cohort, filters: StudyFilter, name: str) -> Card:
    """One card alone, for its files."""
    return CARDS[name](study_of(cohort, filters), Links(cohort))


def left_out_lines(found: LeftOut) -> list[str]:
    """What is not counted, and why; empty where everything is."""
    told = [
        (
            found.sentinel_cases,
            ngettext(
                "%(n)d sentinel, which has a page of its own",
                "%(n)d sentinels, which have a page of their own",
                found.sentinel_cases,
            ),
        ),
        (
            found.simulated_cases,
            ngettext(
                "%(n)d simulated case, made for demonstration",
                "%(n)d simulated cases, made for demonstration",
                found.simulated_cases,
            ),
        ),
        (
            found.refused_reads,
            ngettext(
                "%(n)d read of a picture that the input gate refused",
                "%(n)d reads of pictures that the input gate refused",
                found.refused_reads,
            ),
        ),
        (
            found.trained_on_reads,
            ngettext(
                "%(n)d read of a picture that the network was trained on",
                "%(n)d reads of pictures that the network was trained on",
                found.trained_on_reads,
            ),
        ),
        (
            found.not_blind,
            _t("from before and after %(n)d whose reader had been shown something before the commit"),
        ),
    ]
    return [sentence % {"n": n} for n, sentence in told if n]
