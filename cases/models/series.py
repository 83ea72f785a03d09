"""A series: what a case made of hospital files is of, under keys that name nobody."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class Series(models.Model):
    """Keys are hashes that only this portal can make, another one in each cohort
    (cases/intake/deidentification.py): the same patient has the same key in one cohort, and no key tells who
    it is.
    """

    case = models.OneToOneField(
        "cases.Case", primary_key=True, on_delete=models.CASCADE, related_name="series"
    )
    patient_key = models.CharField(_("key of the patient"), max_length=32, blank=True)
    study_key = models.CharField(_("key of the study"), max_length=32, blank=True)
    series_key = models.CharField(_("key of the series"), max_length=32, blank=True)
    modality = models.CharField(_("modality"), max_length=16, blank=True)
    acquired_on = models.DateField(
        _("date, shifted"),
        null=True,
        blank=True,
        help_text=_("Moved by as many days for all dates of one patient, so that intervals stay."),
    )
    remarks = models.JSONField(
        _("how it was put together"),
        default=list,
        blank=True,
        help_text=_("Code and facts of each remark of inference.series."),
    )

    class Meta:
        verbose_name = _("series")
        verbose_name_plural = _("series")
        indexes: ClassVar = [models.Index(fields=["patient_key"], name="series_of_patient")]

    def __str__(self) -> str:
        return str(self.case)
