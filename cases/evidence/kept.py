"""The figures of a large cohort, computed once in so many seconds, with the time at which they were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Generic, TypeVar

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import get_language

from cases.models import Cohort, Review

T = TypeVar("T")


@dataclass(frozen=True)
class Kept(Generic[T]):
    """What was computed, and when; `at` is None where it is computed for each page."""

    figures: T
    at: datetime | None = None


def kept(cohort: Cohort, told: str, compute: Callable[[], T], *, seconds: int) -> Kept[T]:
    """What `compute` returns of this cohort, in this language; of a large one what it returned at most
    `seconds` ago.

    told: whatever tells one answer about a cohort from another, and who may see it.
    """
    if not is_large(cohort):
        return Kept(compute())
    key = f"figures:{sha256(f'{cohort.pk} {told} {get_language()}'.encode()).hexdigest()}"
    found: Kept[T] | None = cache.get(key)
    if found is None:
        found = Kept(compute(), timezone.now())
        cache.set(key, found, seconds)
    return found


def is_large(cohort: Cohort) -> bool:
    """Whether there are more than EVIDENCE_KEEP_FROM cases or reviews, without counting all of them."""
    least = settings.EVIDENCE_KEEP_FROM
    some = slice(least, least + 1)
    reviews = Review.objects.filter(case__cohort=cohort).order_by()
    return cohort.cases.order_by("code")[some].exists() or reviews[some].exists()
