"""The sentence that stands on every page and in every export."""

from django.utils.translation import gettext_lazy as _

RESEARCH_NOTICE = (
    "For research and study use only. Decision support, not a diagnosis; left and right are not assured."
)
RESEARCH_NOTICE_SHOWN = _(RESEARCH_NOTICE)
