"""The sentence that stands on every page and in every export."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

DISCLAIMER = gettext_noop(
    "For research and study use only. Decision support, not a diagnosis; left and right are not assured."
)
DISCLAIMER_SHOWN = _(DISCLAIMER)
