"""The clinical domain in the Django admin, for the superuser.

What is only ever added (reviews, audit events, predictions) and what the worker
writes can be looked at here and not changed; acts go through the services.
"""

# Django's admin classes are generic for the type checker only.
# mypy: disable-error-code="type-arg"

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from cases import audit, disclosures
from cases.admin.models import ModelVersionAdmin
from cases.admin.parts import DisclosingAdmin, ReadOnlyAdmin, ReadOnlyInline, who
from cases.analysis import jobs
from cases.lifecycle import IllegalTransition, Shown
from cases.models import (
    AccessEvent,
    AuditEvent,
    AuditSeal,
    Case,
    Cohort,
    Image,
    Job,
    LikenessPiece,
    Membership,
    ModelVersion,
    Prediction,
    Review,
    Series,
    ShadowResult,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from portal.accounts.models import User

PROTOCOL_FIELDS = (
    "reading",
    "readers_required",
    "reading_order",
    "adjudicator",
    "reveals_ground_truth",
    "has_sentinels",
)

admin.site.register(ModelVersion, ModelVersionAdmin)


class MembershipInline(ReadOnlyInline):
    model = Membership
    fields = readonly_fields = ("user", "role", "created_at")


@admin.register(Cohort)
class CohortAdmin(admin.ModelAdmin):
    list_display = ("name", "reading", "readers_required", "created_at")
    search_fields = ("name", "description")
    inlines = (MembershipInline,)

    @admin.display(description=_("people"))
    def people(self, cohort: Cohort) -> str:
        """The way to where roles are changed and members leave, under the rules of the services."""
        return format_html(
            '<a href="{}?cohort={}">{}</a> · <a href="{}?cohort={}">{}</a>',
            *(reverse("admin:cases_membership_add"), cohort.pk, _t("Add somebody who has an account")),
            *(reverse("people:list"), cohort.pk, _t("Invite, change roles and remove members")),
        )

    @admin.display(description=_("protocol"))
    def protocol(self, cohort: Cohort) -> str:
        """The way to where the protocol is changed, under the rules of the service."""
        return format_html(
            '<a href="{}?cohort={}">{}</a>', reverse("dashboard:protocol"), cohort.pk, _t("See and change it")
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Cohort | None = None) -> tuple[str, ...]:
        return ("people", "protocol", "protocol_version", *PROTOCOL_FIELDS) if obj else ("adjudicator",)

    def save_model(self, request: HttpRequest, obj: Cohort, form: forms.ModelForm, change: bool) -> None:
        """Store it. A protocol is settled here when the cohort is made, and changed on its own page."""
        super().save_model(request, obj, form, change)
        details: dict[str, audit.Detail] = {"fields": ", ".join(form.changed_data)}
        if not change:
            details |= {"readers_required": obj.readers_required, "reading": obj.reading}
        action = "cohort.changed" if change else "cohort.created"
        audit.record(by=who(request), action=action, subject=obj, cohort=obj, **details)

    def has_delete_permission(self, request: HttpRequest, obj: Cohort | None = None) -> bool:
        # Cases, reviews and audit events hold on to their cohort.
        return False


class ImageInline(ReadOnlyInline):
    model = Image
    fields = ("position", "source_format", "width", "height", "bit_depth", "colour", "created_at")
    readonly_fields = fields
    show_change_link = True


@admin.register(Case)
class CaseAdmin(DisclosingAdmin):
    list_display = ("code", "cohort", "state", "ground_truth", "is_simulated", "created_by", "created_at")
    list_filter = ("state", "is_simulated", "is_sentinel", "ground_truth", "cohort")
    search_fields = ("code", "cohort__name")
    list_select_related = ("cohort", "created_by")
    date_hierarchy = "created_at"
    inlines = (ImageInline,)

    def told(self, row: Case, to: User) -> Iterator[tuple[UUID, Shown]]:
        """The known class."""
        if row.ground_truth:
            yield row.pk, Shown.TRUTH


@admin.register(Image)
class ImageAdmin(ReadOnlyAdmin):
    list_display = (
        "__str__",
        "cohort",
        "source_format",
        "width",
        "height",
        "bit_depth",
        "colour",
        "created_at",
    )
    list_filter = ("source_format", "bit_depth", "colour", "cohort")
    search_fields = ("case__code", "source_sha256")
    list_select_related = ("case", "cohort")


@admin.register(Series)
class SeriesAdmin(ReadOnlyAdmin):
    list_display = ("case", "modality", "patient_key", "acquired_on")
    list_filter = ("modality", "case__cohort")
    search_fields = ("case__code", "patient_key", "study_key", "series_key")
    list_select_related = ("case",)


@admin.register(LikenessPiece)
class LikenessPieceAdmin(ReadOnlyAdmin):
    list_display = ("image", "piece")
    list_select_related = ("image__case",)
    show_full_result_count = False


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ("case", "status", "attempts", "error_code", "queued_at", "finished_at", "id")
    list_filter = ("status", "error_code", "model_version", "image__cohort")
    search_fields = ("=id", "image__case__code", "error_message")
    list_select_related = ("image__case",)
    date_hierarchy = "queued_at"
    exclude = ("token",)
    actions = ("queue_again", "cancel_queued")

    @admin.display(description=_("case"), ordering="image__case__code")
    def case(self, job: Job) -> str:
        """The code of the job's case."""
        return job.image.case.code

    @admin.action(description=_("Queue again"))
    def queue_again(self, request: HttpRequest, chosen: QuerySet[Job]) -> None:
        """Retry the failed and the cancelled ones."""
        self._each(request, chosen, jobs.retry)

    @admin.action(description=_("Cancel queued"))
    def cancel_queued(self, request: HttpRequest, chosen: QuerySet[Job]) -> None:
        """Take the queued ones out of the queue."""
        self._each(request, chosen, jobs.cancel)

    def _each(self, request: HttpRequest, chosen: QuerySet[Job], act: Callable[..., None]) -> None:
        done = left = 0
        for job in chosen.select_related("image__cohort"):
            try:
                act(by=who(request), job=job)
                done += 1
            except IllegalTransition:
                left += 1
        words = _t("%(done)d done; %(left)d left as they were, since their state does not allow it.")
        level = messages.WARNING if left else messages.SUCCESS
        self.message_user(request, words % {"done": done, "left": left}, level)


@admin.register(Prediction)
class PredictionAdmin(DisclosingAdmin):
    list_display = ("case", "predicted_class", "confidence", "model_version", "seconds", "created_at")
    list_filter = ("predicted_class", "model_version", "image__cohort")
    search_fields = ("image__case__code",)
    list_select_related = ("image__case", "model_version")
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Prediction]:
        """Without the versions' manifests, which are large and joined to each row."""
        return super().get_queryset(request).defer("model_version__manifest")

    def told(self, row: Prediction, to: User) -> Iterator[tuple[UUID, Shown]]:
        """What the network says."""
        yield row.image.case_id, Shown.NETWORK

    @admin.display(description=_("case"), ordering="image__case__code")
    def case(self, prediction: Prediction) -> str:
        """The code of the prediction's case."""
        return prediction.image.case.code


@admin.register(ShadowResult)
class ShadowResultAdmin(PredictionAdmin):
    """What candidates said: for operators alone."""


@admin.register(Review)
class ReviewAdmin(DisclosingAdmin):
    list_display = ("case", "reader", "verdict", "final_class", "confidence", "is_amendment", "created_at")
    list_filter = ("verdict", "final_class", "confidence", "case__cohort")
    search_fields = ("case__code", "reader__email", "reader__full_name")
    list_select_related = ("case", "reader")
    date_hierarchy = "created_at"

    def told(self, row: Review, to: User) -> Iterator[tuple[UUID, Shown]]:
        """What its reader says; of the class and an “agree” the network's class follows."""
        if row.reader_id != to.pk:
            yield row.case_id, Shown.PEERS
        yield row.case_id, Shown.NETWORK

    @admin.display(description=_("amendment"), boolean=True)
    def is_amendment(self, review: Review) -> bool:
        """Whether it stands in the place of an earlier one."""
        return review.amends_id is not None


@admin.register(AuditSeal)
class AuditSealAdmin(ReadOnlyAdmin):
    list_display = ("position", "kind", "row", "at", "sealed_at")
    list_filter = ("kind",)
    search_fields = ("row",)


@admin.register(AccessEvent)
class AccessEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "kind", "method", "route", "status", "subject", "cohort", "address")
    list_filter = ("kind", "status", "cohort")
    search_fields = ("subject", "actor__email", "route", "request_id")
    list_select_related = ("actor", "cohort")
    date_hierarchy = "at"


@admin.register(AuditEvent)
class AuditEventAdmin(DisclosingAdmin):
    list_tells = False  # it has no details

    list_display = ("at", "actor", "action", "subject_type", "subject", "cohort")
    list_filter = ("action", "subject_type", "cohort")
    search_fields = ("subject", "actor__email", "action")
    list_select_related = ("actor", "cohort")
    date_hierarchy = "at"

    def told(self, row: AuditEvent, to: User) -> Iterator[tuple[UUID, Shown]]:
        """The known class that the act set."""
        yield from ((case, Shown.TRUTH) for case in disclosures.cases_told_by([row]))
