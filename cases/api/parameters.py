"""What may stand behind the question mark: known names, each once, each understood."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any, Self, cast

from django.utils.text import format_lazy
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from cases.api.pagination import MAX_PAGE_SIZE, PAGE_SIZE
from cases.classes import known_classes
from cases.export.selection import ReviewFilter
from cases.lifecycle import CaseState, JobStatus, Verdict
from cases.models import Cohort
from cases.permissions import Action, cohorts_where
from cases.worklist.filters import WorklistFilter

if TYPE_CHECKING:
    from cases.permissions import Person

SHOWN = 80  # so many characters of a wrong value are repeated


@extend_schema_field({"type": "string", "examples": ["2026-01-31", "2026-01-31T08:00:00+01:00"]})
class MomentField(serializers.Field[datetime, str, str, Any]):
    """ISO 8601 with an offset; a date alone is its midnight in UTC."""

    default_error_messages = {
        "invalid": _(
            "Give a date, or a date and time with an offset (ISO 8601), such as 2026-01-31 or "
            "2026-01-31T08:00:00Z; in an address, write + as %2B."
        ),
    }

    def to_internal_value(self, data: str) -> datetime:
        try:
            return datetime.combine(date.fromisoformat(data), time.min, UTC)
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(data)
            if moment.tzinfo is None:
                self.fail("invalid")
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("invalid")


def one_of(choices: Iterable[str], help_text: Any) -> serializers.ChoiceField:
    """An optional parameter with known values, which the error names."""
    known = list(choices)
    message = format_lazy(_("Choose one of {known}."), known=", ".join(known))
    return serializers.ChoiceField(
        known, required=False, help_text=help_text, error_messages={"invalid_choice": message}
    )


class Parameters(serializers.Serializer[Any]):
    """Base of all query strings. `elsewhere` are names that somebody else reads."""

    elsewhere: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: Request) -> Self:
        """Read the query of `request`; ValidationError names the parameter and what was received."""
        query = request.query_params
        parameters = cls(data=query.dict(), context={"request": request})
        known = [*parameters.fields, *cls.elsewhere]
        errors: dict[str, list[str]] = {}
        for name in query:
            if name not in known:
                message = _t("This parameter is not known; known are %(known)s.")
                errors[name] = [message % {"known": ", ".join(known)}]
            elif len(query.getlist(name)) > 1:
                errors[name] = [_t("Give this parameter once.")]
        if not parameters.is_valid():
            errors = {
                name: [str(text) for text in found] for name, found in parameters.errors.items()
            } | errors
        if errors:
            raise serializers.ValidationError(
                {
                    name: [_with_received(text, query.getlist(name)) for text in found]
                    for name, found in errors.items()
                }
            )
        return parameters

    @property
    def user(self) -> Person:
        """Who asks."""
        return cast("Person", self.context["request"].user)


def _with_received(message: str, values: list[str]) -> str:
    received = ", ".join(f"“{value[:SHOWN]}”" for value in values)
    return _t("%(message)s Received: %(received)s.") % {"message": message, "received": received}


class PageParameters(Parameters):
    """What every paged list takes."""

    cursor = serializers.CharField(
        required=False, help_text=_("Where the page begins: taken from “next” or “previous”.")
    )
    page_size = serializers.IntegerField(
        required=False,
        default=PAGE_SIZE,
        min_value=1,
        max_value=MAX_PAGE_SIZE,
        help_text=_("Rows a page at the most."),
    )

    @property
    def paging(self) -> dict[str, Any]:
        """What `linked_page` takes."""
        return {"cursor": self.validated_data.get("cursor", ""), "size": self.validated_data["page_size"]}


def cohort_named(user: Person, action: Action, name: str) -> Cohort:
    """The cohort of this name, where the user may do `action` there."""
    cohort = cohorts_where(user, action).filter(name=name).first()
    if cohort is None:
        raise serializers.ValidationError(_t("You have no cohort of this name for that."))
    return cohort


class ReviewedCasesParameters(PageParameters):
    """What the export is narrowed to; `class` is added late, since it is a word of Python."""

    elsewhere = ("format",)

    since = MomentField(required=False, help_text=_("Reviews given at this moment or later."))
    until = MomentField(required=False, help_text=_("Reviews given before this moment."))
    verdict = one_of(Verdict.values, _("What the reader said of the network's class."))
    cohort = serializers.CharField(required=False, help_text=_("Name of one cohort."))

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        final_class = serializers.CharField(
            required=False, help_text=_("Code of the reader's class."), validators=[_known_class]
        )
        return super().get_fields() | {"class": final_class}

    def validate_cohort(self, name: str) -> str:
        return cohort_named(self.user, Action.EXPORT, name).name

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        since, until = attrs.get("since"), attrs.get("until")
        if since and until and until < since:
            raise serializers.ValidationError({"until": _t("“until” must not be before “since”.")})
        return attrs

    def filters(self) -> ReviewFilter:
        """The filter that the selectors take."""
        given = self.validated_data
        return ReviewFilter(
            cohort=given.get("cohort", ""),
            since=given.get("since"),
            until=given.get("until"),
            final_class=given.get("class", ""),
            verdict=given.get("verdict", ""),
        )


def _known_class(code: str) -> None:
    known = known_classes()
    if code not in known:
        raise serializers.ValidationError(_t("Choose one of %(known)s.") % {"known": ", ".join(known)})


class CasesParameters(PageParameters):
    """What the list of cases is narrowed to."""

    cohort = serializers.CharField(required=False, help_text=_("Name of one cohort."))
    state = one_of(CaseState.values, _("Clinical state."))
    job_status = one_of(JobStatus.values, _("Machine state of the newest analysis."))

    def validate_cohort(self, name: str) -> Cohort:
        return cohort_named(self.user, Action.VIEW, name)

    def filters(self) -> WorklistFilter:
        """The filter that the selectors take."""
        given = self.validated_data
        return WorklistFilter(
            cohort=given.get("cohort"),
            state=given.get("state", ""),
            job_status=given.get("job_status", ""),
        )
