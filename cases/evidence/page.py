"""The evidence page's content: computed anew for a small cohort, kept for some minutes for a large one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from cases.evidence.cards.all import CARDS
from cases.evidence.cards.card import Card, Links
from cases.evidence.cards.influence import headline
from cases.evidence.kept import kept
from cases.evidence.study import LeftOut, StudyFilter, study_of

if TYPE_CHECKING:
    from cases.models import Cohort


@dataclass(frozen=True)
class Evidence:
    """All cards of one cohort under one filter. is_kept: of a large cohort, for some minutes."""

    headline: str
    left_out: list[str]
    cards: list[Card]
    is_simulated: bool
    as_of: datetime
    is_kept: bool = False


def evidence_of(cohort: Cohort, filters: StudyFilter) -> Evidence:
    """The figures of the cohort; those of a large one as they were at most EVIDENCE_KEEP_SECONDS ago."""
    told = f"evidence {filters} {settings.EVIDENCE_LEAST} {settings.EVIDENCE_MARGIN}"
    seconds = settings.EVIDENCE_KEEP_SECONDS
    found = kept(cohort, told, lambda: _computed(cohort, filters), seconds=seconds)
    return replace(found.figures, is_kept=found.at is not None)


def _computed(cohort: Cohort, filters: StudyFilter) -> Evidence:
    study, links = study_of(cohort, filters), Links(cohort)
    cards = [card(study, links) for card in CARDS.values()]
    return Evidence(headline(study), left_out_lines(study.left_out), cards, study.is_simulated, study.as_of)


def one_card(cohort: Cohort, filters: StudyFilter, name: str) -> Card:
    """One card alone, for its files."""
    return CARDS[name](study_of(cohort, filters), Links(cohort))


def left_out_lines(found: LeftOut) -> list[str]:
    """What is not counted, and why; empty where everything is."""
    told = [
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
