"""The evidence page's content: computed anew for a small cohort, kept for some minutes for a large one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _t

from cases.evidence.cards.all import CARDS
from cases.evidence.cards.card import Card, Links
from cases.evidence.cards.influence import headline
from cases.evidence.study import LeftOut, StudyFilter, study_of
from cases.models import Review

if TYPE_CHECKING:
    from cases.models import Cohort


@dataclass(frozen=True)
class Evidence:
    """All cards of one cohort under one filter. is_kept: computed for an earlier request."""

    headline: str
    left_out: list[str]
    cards: list[Card]
    is_simulated: bool
    as_of: datetime
    is_kept: bool = False


def evidence_of(cohort: Cohort, filters: StudyFilter) -> Evidence:
    """The figures of the cohort; those of a large one as they were at most EVIDENCE_KEEP_SECONDS ago."""
    if Review.objects.filter(case__cohort=cohort).count() <= settings.EVIDENCE_KEEP_FROM:
        return _computed(cohort, filters)
    told = f"{cohort.pk} {filters} {get_language()} {settings.EVIDENCE_LEAST} {settings.EVIDENCE_MARGIN}"
    key = f"evidence:{sha256(told.encode()).hexdigest()}"
    found: Evidence | None = cache.get(key)
    if found is None:
        found = _computed(cohort, filters)
        cache.set(key, _kept(found), settings.EVIDENCE_KEEP_SECONDS)
    return found


def _kept(found: Evidence) -> Evidence:
    return Evidence(
        found.headline, found.left_out, found.cards, found.is_simulated, found.as_of, is_kept=True
    )


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
