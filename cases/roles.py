"""What somebody can be in a cohort."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Role(TextChoices):
    """What somebody is in one cohort."""

    TECHNOLOGIST = "technologist", _("Technologist")
    RADIOLOGIST = "radiologist", _("Radiologist")
    ADMINISTRATOR = "administrator", _("Study administrator")
    EXPORTER = "exporter", _("Exporter")
