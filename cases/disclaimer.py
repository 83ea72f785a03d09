"""The sentence that stands on every page and in every export."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

RESEARCH_NOTICE = gettext_noop(
    "For research and study use only. Decision support, not a diagnosis; left and right are not assured."
)
RESEARCH_NOTICE_SHOWN = _(RESEARCH_NOTICE)
