"""Django's admin for operators. Django looks here for what is registered."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from cases.admin import cases, governance, models, people, reading, upkeep

__all__ = ["cases", "governance", "models", "people", "reading", "upkeep"]

admin.site.site_header = admin.site.site_title = "SecondRead"
admin.site.index_title = _("Administration of the site")
