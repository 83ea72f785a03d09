"""The figures of a large cohort: asked for by a page, computed by the maintenance worker, shown with their
age.

A hundred thousand reads take many seconds and much memory, which no web process has to spare; that of a small
cohort is computed for each page (page.py).
"""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils import timezone, translation

from cases import leases
from cases.evidence.evidence_forms import EvidenceForm
from cases.evidence.files import drawing_text, table_text
from cases.evidence.listing import figure_rows
from cases.evidence.page import evidence_and_study
from cases.models import ComputedFigures
from cases.models.computed_figures import awaited
from cases.snapshot import one_snapshot

if TYPE_CHECKING:
    from cases.evidence.cards.card import Card
    from cases.models import Cohort

logger = logging.getLogger(__name__)
# Of the task: asked to stop, and killed.
SOFT_SECONDS, HARD_SECONDS = 540, 570
# After a failure; and once it was tried often.
PAUSE, LONGEST_PAUSE = timedelta(minutes=10), timedelta(hours=6)
FORGOTTEN_AFTER = timedelta(days=7)
# Of all workers together, so that figures keep nothing else waiting.
AT_ONCE = 2


def asked_for(cohort: Cohort, filters: dict[str, str]) -> ComputedFigures:
    """The figures as they are, without an answer before the first time; older ones are asked for anew.

    filters: what EvidenceForm.told returns.
    """
    now = timezone.now()
    language = translation.get_language()
    made_by = [
        filters,
        language,
        settings.EVIDENCE_LEAST,
        settings.EVIDENCE_MARGIN,
        settings.EVIDENCE_BASELINE,
    ]
    key = sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()
    found, _is_new = ComputedFigures.objects.get_or_create(
        cohort=cohort, key=key, defaults={"filters": filters, "language": language, "asked_at": now}
    )
    oldest = now - timedelta(seconds=settings.EVIDENCE_KEEP_SECONDS)
    if not found.is_awaited and found.as_of and found.as_of < oldest:
        found.asked_at = now
        found.save(update_fields=["asked_at"])
    return found


def compute_waiting() -> int:
    """Compute whatever is asked for, the longest awaited first; how many were computed."""
    computed = 0
    while (found := _take()) is not None:
        try:
            with leases.renewing(found, at_most=HARD_SECONDS):
                computed += _compute(found)
        except leases.Lost:
            logger.warning("Figures %s were taken by another process meanwhile.", found.pk)
    if computed:
        ComputedFigures.objects.filter(asked_at__lt=timezone.now() - FORGOTTEN_AFTER).delete()
    return computed


def _take() -> ComputedFigures | None:
    """One that this process is to compute; None while enough others are computed."""
    if ComputedFigures.objects.filter(awaited(), leases.is_held()).count() >= AT_ONCE:
        return None
    rows = ComputedFigures.objects.select_related("cohort").defer("answer").order_by("asked_at")
    return leases.take(rows, awaited())


def _compute(found: ComputedFigures) -> bool:
    if found.attempts > leases.MAX_ATTEMPTS:
        # Whoever took it has died over it, or failed, each time: words, a long rest, and then anew.
        leases.put_off(found, timezone.now() + LONGEST_PAUSE, attempts=0, has_failed=True)
        return False
    try:
        with one_snapshot(), translation.override(found.language):
            as_of, answer = _answer(found)
    except Exception:
        logger.exception("The figures of cohort %s could not be computed.", found.cohort_id)
        pause = leases.pause_after(found.attempts, first=PAUSE, longest=LONGEST_PAUSE)
        leases.put_off(found, timezone.now() + pause, has_failed=True)
        return False
    leases.end(found, as_of=as_of, answer=answer, attempts=0, has_failed=False)
    return True


def _answer(found: ComputedFigures) -> tuple[Any, dict[str, Any]]:
    form = EvidenceForm(found.filters, cohort=found.cohort)
    if not form.is_valid():
        raise ValueError(f"these filters hold no longer: {form.errors.as_json()}")
    evidence, study = evidence_and_study(found.cohort, form.filters())
    query = QueryDict(mutable=True)
    query.update({"cohort": str(found.cohort_id)} | found.filters)
    return study.as_of, {
        "headline": evidence.headline,
        "left_out": evidence.left_out,
        "is_simulated": evidence.is_simulated,
        "cards": [_rendered(card, query.urlencode()) for card in evidence.cards],
        "counts_left_out": vars(study.left_out),
        # REST tells of the whole cohort alone.
        "rows": [] if found.filters else list(figure_rows(study)),
    }


def _rendered(card: Card, query: str) -> dict[str, Any]:
    return {
        "name": card.name,
        "html": render_to_string(
            "evidence/parts/card.html",
            {"card": card, "query": query, "csv": "dashboard:card_csv", "svg": "dashboard:card_svg"},
        ),
        "csv": table_text(card),
        "svg": drawing_text(card),
        "tells_of": list(card.tells_of),
    }
