"""The figures of a cohort, as its evidence page has them."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cases.api import schema
from cases.api.parameters import Parameters, cohort_named
from cases.api.problems import RETRY_AFTER_SECONDS, problem
from cases.api.views.base import ApiView, require_somewhere
from cases.disclaimer import DISCLAIMER
from cases.evidence.computed import asked_for
from cases.evidence.kept import is_large
from cases.evidence.listing import figure_rows
from cases.evidence.study import StudyFilter, study_of
from cases.interim import figures_are_closed
from cases.models import Cohort
from cases.permissions import Action
from cases.snapshot import one_snapshot


class FiguresParameters(Parameters):
    """Of which cohort."""

    cohort = serializers.CharField(help_text=_("Name of one cohort."))

    def validate_cohort(self, name: str) -> Cohort:
        return cohort_named(self.user, Action.EXPORT, name)


class FigureSerializer(serializers.Serializer[Any]):
    """One figure with its interval."""

    name = serializers.CharField(help_text="What was computed, such as accuracy:readers:after.")
    value = serializers.FloatField(allow_null=True, help_text="Null where it is not defined.")
    low = serializers.FloatField(allow_null=True, help_text="Lower end of the 95 % interval.")
    high = serializers.FloatField(allow_null=True, help_text="Upper end of the 95 % interval.")
    n = serializers.IntegerField(help_text="Of how many units.")
    clusters = serializers.IntegerField(allow_null=True, help_text="Of how many patients or cases.")
    method = serializers.CharField()


class FiguresSerializer(serializers.Serializer[Any]):
    """The figures of one cohort, and what they leave out."""

    cohort = serializers.CharField()
    as_of = serializers.DateTimeField()
    is_simulated = serializers.BooleanField(help_text="All cases are simulated: evidence of nothing.")
    left_out = serializers.DictField(child=serializers.IntegerField())
    figures = FigureSerializer(many=True)
    notice = serializers.CharField()


class FiguresView(ApiView):
    """What was reviewed, and what it shows."""

    @extend_schema(
        operation_id="figures",
        tags=["export"],
        summary="Figures of a cohort, each with its interval",
        description="Those of a running blinded study are closed until it ends, or until they are opened. "
        "Those of a large cohort are computed aside, at most every few minutes: as_of says when, and the "
        "first time, 503 with Retry-After, that they are being computed.",
        parameters=[FiguresParameters],
        responses={200: FiguresSerializer} | schema.problems(400, 401, 403, 409),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """As they are now, of a large cohort as they were a few minutes ago."""
        require_somewhere(request, Action.EXPORT)
        cohort = FiguresParameters.of(request).validated_data["cohort"]
        if figures_are_closed(cohort):
            return problem(
                "wrong_state", _t("The figures of a running blinded study are closed until it ends.")
            )
        found = _large(cohort) if is_large(cohort) else _small(cohort)
        if found is None:
            return problem(
                "being_computed",
                _t("The figures of this large cohort are being computed: ask again as Retry-After says."),
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            )
        return Response(FiguresSerializer({"cohort": cohort.name, "notice": DISCLAIMER} | found).data)


def _small(cohort: Cohort) -> dict[str, Any]:
    with one_snapshot():
        study = study_of(cohort, StudyFilter())
    return {
        "as_of": study.as_of,
        "is_simulated": study.is_simulated,
        "left_out": vars(study.left_out),
        "figures": list(figure_rows(study)),
    }


def _large(cohort: Cohort) -> dict[str, Any] | None:
    """As they were last computed; None before the first time."""
    asked = asked_for(cohort, {})
    if asked.answer is None:
        return None
    return {
        "as_of": asked.as_of,
        "is_simulated": asked.answer["is_simulated"],
        "left_out": asked.answer["counts_left_out"],
        "figures": asked.answer["rows"],
    }
