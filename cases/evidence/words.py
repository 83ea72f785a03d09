"""Figures in words, as the page's language writes numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.formats import number_format
from django.utils.translation import gettext as _t

from cases.evidence.measures.estimate import Estimate
from cases.evidence.thresholds import thresholds

if TYPE_CHECKING:
    from cases.evidence.measures.proportions import Share

MINUS = "\N{MINUS SIGN}"


def _written(value: float, decimals: int) -> str:
    """Rounded; Django's own function cuts off what is too long."""
    return number_format(round(value, decimals), decimal_pos=decimals)


def percent(value: float) -> str:
    """A fraction in percent, with one decimal."""
    return f"{_written(100 * value, 1)} %"


def points(value: float) -> str:
    """A difference of fractions in percentage points, with its sign."""
    sign = MINUS if value < 0 else "+"
    return f"{sign}{_written(abs(100 * value), 1)}"


def number(value: float, decimals: int = 2) -> str:
    """A number with a fixed number of decimals, and the true minus."""
    return _written(value, decimals).replace("-", MINUS)


def p_value(value: float) -> str:
    """A p value; below 0.001 its bound."""
    return _t("p < 0.001") if value < 0.001 else f"p = {number(value, 3)}"  # noqa: PLR2004


def hits(share: Share) -> str:
    """Such as "3 of 4"."""
    return _t("%(hits)d of %(n)d") % {"hits": share.hits, "n": share.n}


def share_in_words(share: Share) -> str:
    """A share with its interval; of few units without a percentage, of none in one word."""
    if share.value is None or share.low is None or share.high is None:
        return _t("None yet.")
    told = {"hits": share.hits, "n": share.n, "value": percent(share.value), "interval": span(share)}
    if share.n < thresholds().percentage:
        few = _t("%(hits)d of %(n)d. Too few for a percentage: by chance anything from %(interval)s fits.")
        return few % told
    return _t("%(value)s (%(hits)d of %(n)d; 95 %% interval %(interval)s)") % told


def brief(share: Share) -> str:
    """A share in a drawing: the percentage where there are enough, and always how many of how many."""
    if share.value is None:
        return _t("none yet")
    if share.n < thresholds().percentage:
        return hits(share)
    return f"{percent(share.value)} · {hits(share)}"


def brief_with_span(share: Share) -> str:
    """As `brief`, with the interval behind it."""
    return brief(share) if share.value is None else f"{brief(share)} ({span(share)})"


def ratio_in_words(share: Share) -> str:
    """A share as a number, such as "0.86 (0.71 to 0.94)", of units that are no cases."""
    return estimate_in_words(Estimate(share.value, None, share.low, share.high, share.n))


def span(share: Share) -> str:
    """The interval of a share, such as "5.4 to 10.5 %"."""
    return between(share.low or 0.0, share.high or 0.0)


def between(least: float, most: float) -> str:
    """Two fractions in percent."""
    low, high = _written(100 * least, 1), _written(100 * most, 1)
    return _t("%(low)s to %(high)s %%") % {"low": low, "high": high}


def estimate_in_words(found: Estimate, decimals: int = 2) -> str:
    """A value with its interval, such as "0.47 (0.33 to 0.62)"."""
    if found.value is None:
        return _t("not defined")
    if found.low is None or found.high is None:
        return number(found.value, decimals)
    if not found.has_interval:
        return _t("%(value)s (no interval: all are alike)") % {"value": number(found.value, decimals)}
    told = {
        "value": number(found.value, decimals),
        "low": number(found.low, decimals),
        "high": number(found.high, decimals),
    }
    return _t("%(value)s (%(low)s to %(high)s)") % told
