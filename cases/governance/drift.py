"""A frozen baseline, and how the weeks since stand to it (docs/adr/0031-drift-and-promotion.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _t

from cases import audit
from cases.evidence.measures.drift import p_chart, population_stability, stability_by_chance
from cases.evidence.thresholds import thresholds
from cases.governance.measured import NO, YES, Counts, Measured, count_spans, measure, units
from cases.interim import figures_are_closed
from cases.lifecycle import WEEKLY_RULES, DriftRule
from cases.models import DriftBaseline
from cases.models.statement import MAX_REASON
from cases.permissions import Action, require

if TYPE_CHECKING:
    from cases.evidence.measures.drift import ControlPoint
    from cases.models import Cohort, ModelVersion
    from portal.accounts.models import User

SHARES = (DriftRule.REFUSED, DriftRule.DISAGREEMENT)
# Above it much has moved (Siddiqi 2006); what chance alone may reach counts beside it.
MOST_MOVED = 0.25


@dataclass(frozen=True)
class Week:
    """One week under one rule. value: a share, or the PSI; None where it has none. point: of a share alone.

    is_judged: there are enough units for a test. is_out: the rule is broken.
    """

    monday: date
    n: int
    value: float | None
    low: float
    high: float
    is_judged: bool
    point: ControlPoint | None = None

    @property
    def is_out(self) -> bool:
        """Whether an alert is due."""
        return self.is_judged and self.value is not None and not self.low <= self.value <= self.high


def freeze(
    *, by: User, cohort: Cohort, version: ModelVersion, since: date, until: date, reason: str
) -> DriftBaseline:
    """Keep what the network and its readers were like from `since` to `until`, both included, for ever.

    Raises ValidationError where the period is not over, or holds too few results for a test.
    """
    require(by, Action.MANAGE, cohort)
    if not reason.strip():
        raise ValidationError({"reason": _t("Say why this period is the baseline.")})
    if until < since:
        raise ValidationError({"until": _t("The last day lies before the first.")})
    if until >= timezone.localdate():
        raise ValidationError({"until": _t("Choose a last day that is over: a baseline does not grow.")})
    measured = measure(cohort, version, midnight(since), midnight(until + timedelta(days=1)))
    found, least = units(measured.counts.get(DriftRule.SIZE, {})), thresholds().p_value
    if found < least:
        few = _t(
            "In this period %(n)d cases with a result of %(name)s came in; a baseline needs %(least)d. "
            "Choose a longer period, or the network that was used in it."
        )
        raise ValidationError(few % {"n": found, "name": version.name, "least": least})
    with transaction.atomic():
        baseline = DriftBaseline.objects.create(
            cohort=cohort,
            version=version,
            since=since,
            until=until,
            measured=measured.as_dict(),
            reason=reason.strip()[:MAX_REASON],
            frozen_by=by,
        )
        days = {"since": since.isoformat(), "until": until.isoformat()}
        audit.record(
            by=by,
            action="drift.frozen",
            subject=baseline,
            cohort=cohort,
            version=version.name,
            reason=baseline.reason,
            **days,
        )
    return baseline


def midnight(day: date) -> datetime:
    """The moment at which a day of the portal's time zone begins."""
    return timezone.make_aware(datetime.combine(day, time.min))


def baseline_of(cohort: Cohort) -> DriftBaseline | None:
    """The baseline that holds: the newest."""
    found = DriftBaseline.objects.filter(cohort=cohort).select_related("version", "frozen_by", "cohort")
    return found.order_by("-frozen_at", "-pk").first()


def weeks_since(baseline: DriftBaseline, *, most: int) -> dict[DriftRule, list[Week]]:
    """Each rule's weeks behind the baseline that are over, the newest `most` of them, the oldest first.

    Only of the rules that may be told.
    """
    measured = Measured(**baseline.measured)
    start = _first_monday(baseline)
    start, end = max(start, _this_monday() - timedelta(weeks=most)), _this_monday()
    mondays = [start + timedelta(weeks=week) for week in range((end - start).days // 7)]
    if not mondays:
        return {}
    edges = [midnight(monday) for monday in (*mondays, end)]
    counts = count_spans(baseline.cohort, baseline.version, measured, edges)
    counted = dict(zip(mondays, counts, strict=True))
    rules = rules_told(baseline.cohort)
    return {rule: _weeks(rule, measured.counts.get(rule, {}), counted) for rule in rules}


def rules_told(cohort: Cohort) -> list[DriftRule]:
    """All but whether readers and network differ, while the figures of a blinded study are closed."""
    if figures_are_closed(cohort):
        return [rule for rule in WEEKLY_RULES if rule != DriftRule.DISAGREEMENT]
    return list(WEEKLY_RULES)


def _first_monday(baseline: DriftBaseline) -> date:
    """Of the first week that lies wholly behind the baseline."""
    return baseline.until + timedelta(days=7 - baseline.until.weekday())


def _this_monday() -> date:
    today = timezone.localdate()
    return today - timedelta(days=today.weekday())


def _weeks(rule: DriftRule, baseline: Mapping[str, int], counted: Mapping[date, Counts]) -> list[Week]:
    judge = _share if rule in SHARES else _moved
    return [judge(baseline, monday, counts[rule]) for monday, counts in counted.items() if counts.get(rule)]


def baseline_share(bins: Mapping[str, int]) -> float:
    """The share that weeks are held against."""
    return bins.get(YES, 0) / max(units(bins), 1)


def _share(baseline: Mapping[str, int], monday: date, bins: Mapping[str, int]) -> Week:
    n = bins.get(YES, 0) + bins.get(NO, 0)
    week = (bins.get(YES, 0), n)
    (point,) = p_chart(baseline_share(baseline), [week], baseline_n=units(baseline))
    is_judged = _are_enough(baseline, n)
    return Week(monday, n, point.value, point.alarm_low, point.alarm_high, is_judged, point)


def _moved(baseline: Mapping[str, int], monday: date, bins: Mapping[str, int]) -> Week:
    n = units(bins)
    value = population_stability(baseline, bins)
    most = MOST_MOVED
    if value is not None:
        by_chance = stability_by_chance(len(set(baseline) | set(bins)), units(baseline), n)
        most = max(MOST_MOVED, by_chance)
    return Week(monday, n, value, 0.0, most, _are_enough(baseline, n))


def _are_enough(baseline: Mapping[str, int], n: int) -> bool:
    return min(units(baseline), n) >= thresholds().p_value
