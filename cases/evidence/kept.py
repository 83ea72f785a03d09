"""The figures of a large cohort, counted at most once a minute, with the time at which they were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import get_language

from cases.models import Cohort

KEPT_SECONDS = 60


@dataclass(frozen=True)
class Kept:
    """What was counted, and when; `at` is None where it was counted for this page."""

    figures: dict[str, Any]
    at: datetime | None = None


def kept(cohort: Cohort, kind: str, count: Callable[[], dict[str, Any]]) -> Kept:
    """What `count` returns of this cohort, in this language; of one with more than EVIDENCE_KEEP_FROM cases,
    what it returned at most KEPT_SECONDS ago.

    kind: what tells one count of a cohort from another.
    """
    least = settings.EVIDENCE_KEEP_FROM
    if not cohort.cases.order_by("code")[least : least + 1].exists():
        return Kept(count())
    key = f"figures:{cohort.pk}:{kind}:{get_language()}"
    found: Kept | None = cache.get(key)
    if found is None:
        found = Kept(count(), timezone.now())
        cache.set(key, found, KEPT_SECONDS)
    return found
