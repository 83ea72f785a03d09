"""Webhooks of a cohort, for its study administrators."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponseBase
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cases.api import schema
from cases.api.inputs import StrictInput
from cases.api.once import once
from cases.api.pagination import as_it_is, linked_page
from cases.api.parameters import PageParameters, Parameters
from cases.api.preconditions import etag_of, require_match
from cases.api.views.base import ApiView, cohort_or_404, user_of
from cases.cohorts import known_cohorts
from cases.exchange.webhooks import hooks
from cases.exchange.webhooks.signing import secret_of
from cases.lifecycle import DeliveryState, HookEvent
from cases.models import Webhook, WebhookDelivery
from cases.models.webhook import MAX_URL
from cases.permissions import Action, require
from cases.worklist import keyset

if TYPE_CHECKING:
    from uuid import UUID

_EXAMPLE = {"url": "https://hooks.example.org/secondread", "events": ["case.ready", "review.final"]}
EXAMPLES = [OpenApiExample("Two events", _EXAMPLE, request_only=True)]


class WebhookInput(StrictInput):
    """Where to send what."""

    url = serializers.CharField(max_length=MAX_URL, help_text=_("An https address."))
    events = serializers.ListField(
        child=serializers.ChoiceField(HookEvent.choices), allow_empty=False, max_length=len(HookEvent)
    )


class WebhookSerializer(serializers.Serializer[Any]):
    """A webhook; its secret is told when it is made, and when another is."""

    id = serializers.UUIDField()
    cohort = serializers.UUIDField(source="cohort_id")
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.ChoiceField(HookEvent.choices))
    created_at = serializers.DateTimeField()
    paused_at = serializers.DateTimeField(allow_null=True, help_text=_("While it is paused, events wait."))
    failing_since = serializers.DateTimeField(
        allow_null=True, help_text=_("Since when it has taken nothing; null where all is well.")
    )
    secret = serializers.SerializerMethodField(help_text=_("Told once; null otherwise."))

    def get_secret(self, hook: Webhook) -> str | None:
        """Where the context says so."""
        return secret_of(hook) if self.context.get("tells_secret") else None


class DeliverySerializer(serializers.Serializer[Any]):
    """One event that was sent, or is to be."""

    id = serializers.UUIDField(help_text=_("The webhook-id of its requests."))
    event = serializers.CharField()
    data = serializers.DictField()  # type: ignore[assignment]  # a name that Serializer has too
    created_at = serializers.DateTimeField()
    state = serializers.ChoiceField(DeliveryState.choices)
    attempts = serializers.IntegerField()
    due_at = serializers.DateTimeField(help_text=_("When it is tried next, while it waits."))
    tried_at = serializers.DateTimeField(allow_null=True)
    answer_status = serializers.IntegerField(
        allow_null=True, help_text=_("HTTP status of the newest answer.")
    )
    failure = serializers.CharField(allow_blank=True, help_text=_("Why there was no answer."))


class DeliveryPageSerializer(schema.PageSerializer):
    """Some deliveries."""

    results = DeliverySerializer(many=True)


def _hook_or_404(request: Request, webhook_id: UUID) -> Webhook:
    found = Webhook.objects.select_related("cohort", "created_by")
    hook = found.filter(pk=webhook_id, cohort__in=known_cohorts(user_of(request))).first()
    if hook is None:
        raise Http404(_t("There is no such webhook, or you are not in its cohort."))
    require(request.user, Action.MANAGE, hook.cohort)
    return hook


def _etag(hook: Webhook) -> str:
    return etag_of([str(hook.pk), hook.version])


def _answer(hook: Webhook, *, status: int = 200, tells_secret: bool = False) -> Response:
    body = WebhookSerializer(hook, context={"tells_secret": tells_secret}).data
    return Response(body, status=status, headers={"ETag": _etag(hook)})


class WebhooksView(ApiView):
    """The webhooks of one cohort."""

    @extend_schema(
        operation_id="webhooks",
        tags=["webhooks"],
        summary="The webhooks of a cohort",
        parameters=[schema.COHORT_ID],
        responses={200: WebhookSerializer(many=True)} | schema.problems(400, 401, 403, 404),
    )
    def get(self, request: Request, cohort_id: UUID) -> Response:
        """All of them; a cohort has few."""
        Parameters.of(request)
        cohort = cohort_or_404(request, cohort_id, Action.MANAGE)
        return Response(WebhookSerializer(hooks.webhooks_of(cohort, user_of(request)), many=True).data)

    @extend_schema(
        operation_id="create_webhook",
        tags=["webhooks"],
        summary="Have an address told of events",
        description="The answer has the secret, this once.",
        parameters=[schema.COHORT_ID, schema.KEY_ONCE, schema.ETAG],
        request=WebhookInput,
        responses={201: WebhookSerializer} | schema.problems(400, 401, 403, 404, 409, 413, 415, 422),
        examples=EXAMPLES,
    )
    @once("secret")
    def post(self, request: Request, cohort_id: UUID) -> HttpResponseBase:
        """From now on; what happened before is not told."""
        cohort = cohort_or_404(request, cohort_id, Action.MANAGE)
        given = WebhookInput(data=request.data)
        given.is_valid(raise_exception=True)
        hook = hooks.create_webhook(by=user_of(request), cohort=cohort, **given.validated_data)
        return _answer(hook, status=201, tells_secret=True)


class WebhookView(ApiView):
    """One webhook."""

    @extend_schema(
        operation_id="webhook",
        tags=["webhooks"],
        summary="One webhook and how it fares",
        parameters=[schema.WEBHOOK_ID, schema.ETAG],
        responses={200: WebhookSerializer} | schema.problems(400, 401, 403, 404),
    )
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """Without its secret."""
        Parameters.of(request)
        return _answer(_hook_or_404(request, webhook_id))

    @extend_schema(
        operation_id="change_webhook",
        tags=["webhooks"],
        summary="Give a webhook another address or other events",
        parameters=[schema.WEBHOOK_ID, schema.IF_MATCH, schema.ETAG],
        request=WebhookInput,
        responses={200: WebhookSerializer} | schema.problems(400, 401, 403, 404, 412, 413, 415, 428),
        examples=EXAMPLES,
    )
    def put(self, request: Request, webhook_id: UUID) -> Response:
        """Only from the state that If-Match names."""
        hook = _hook_or_404(request, webhook_id)
        require_match(request, _etag(hook))
        given = WebhookInput(data=request.data)
        given.is_valid(raise_exception=True)
        changed = hooks.change_webhook(
            by=user_of(request), hook=hook, version=hook.version, **given.validated_data
        )
        return _answer(changed)

    @extend_schema(
        operation_id="remove_webhook",
        tags=["webhooks"],
        summary="Remove a webhook, with what waits for it",
        parameters=[schema.WEBHOOK_ID, schema.IF_MATCH],
        request=None,
        responses={204: None} | schema.problems(401, 403, 404, 412, 428),
    )
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """For good; the audit keeps that it was there."""
        hook = _hook_or_404(request, webhook_id)
        require_match(request, _etag(hook))
        hooks.remove_webhook(by=user_of(request), hook=hook)
        return Response(status=204)


class WebhookSecretView(ApiView):
    """Another secret."""

    @extend_schema(
        operation_id="renew_webhook_secret",
        tags=["webhooks"],
        summary="Make another secret; the one before signs beside it for a day",
        parameters=[schema.WEBHOOK_ID],
        request=None,
        responses={200: WebhookSerializer} | schema.problems(401, 403, 404),
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """The answer has it, this once."""
        hook = hooks.renew_secret(by=user_of(request), hook=_hook_or_404(request, webhook_id))
        return _answer(hook, tells_secret=True)


class WebhookPauseView(ApiView):
    """Nothing is sent for now."""

    @extend_schema(
        operation_id="pause_webhook",
        tags=["webhooks"],
        summary="Pause a webhook; its events wait",
        parameters=[schema.WEBHOOK_ID],
        request=None,
        responses={200: WebhookSerializer} | schema.problems(401, 403, 404),
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """One that is paused already stays so."""
        hook = _hook_or_404(request, webhook_id)
        hooks.pause(by=user_of(request), hook=hook)
        hook.refresh_from_db()
        return _answer(hook)


class WebhookResumeView(ApiView):
    """It goes on."""

    @extend_schema(
        operation_id="resume_webhook",
        tags=["webhooks"],
        summary="Let a paused webhook go on, with what has waited first",
        parameters=[schema.WEBHOOK_ID],
        request=None,
        responses={200: WebhookSerializer} | schema.problems(401, 403, 404),
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """One that is not paused goes on as it does."""
        hook = _hook_or_404(request, webhook_id)
        hooks.resume(by=user_of(request), hook=hook)
        hook.refresh_from_db()
        return _answer(hook)


class WebhookTestView(ApiView):
    """A try."""

    @extend_schema(
        operation_id="test_webhook",
        tags=["webhooks"],
        summary="Send an event that tells nothing, to try the way",
        parameters=[schema.WEBHOOK_ID],
        request=None,
        responses={202: DeliverySerializer} | schema.problems(401, 403, 404),
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Within seconds; look at the deliveries for what was answered."""
        delivery = hooks.send_test(by=user_of(request), hook=_hook_or_404(request, webhook_id))
        return Response(DeliverySerializer(delivery).data, status=202)


class DeliveriesView(ApiView):
    """What was sent."""

    @extend_schema(
        operation_id="webhook_deliveries",
        tags=["webhooks"],
        summary="What a webhook was sent within 30 days, newest first",
        parameters=[schema.WEBHOOK_ID, PageParameters],
        responses={200: DeliveryPageSerializer} | schema.problems(400, 401, 403, 404),
    )
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """One page."""
        hook = _hook_or_404(request, webhook_id)
        parameters = PageParameters.of(request)
        newest_first = functools.partial(
            keyset.page_of, hook.deliveries.all(), keyset.BY_AGE, descending=True, dressed=as_it_is
        )
        page = linked_page(newest_first, request, **parameters.paging)
        rows: Any = DeliverySerializer(page.rows, many=True)
        return Response(page.body(rows.data))


class ReplayView(ApiView):
    """Once more."""

    @extend_schema(
        operation_id="replay_webhook_delivery",
        tags=["webhooks"],
        summary="Send one event again, under the same id",
        parameters=[schema.WEBHOOK_ID, schema.DELIVERY_ID],
        request=None,
        responses={202: DeliverySerializer} | schema.problems(401, 403, 404),
    )
    def post(self, request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        """Whatever became of it; its tries are counted anew."""
        hook = _hook_or_404(request, webhook_id)
        try:
            delivery = hooks.send_again(by=user_of(request), hook=hook, delivery_id=delivery_id)
        except WebhookDelivery.DoesNotExist:
            raise Http404(_t("The webhook has no such delivery.")) from None
        return Response(DeliverySerializer(delivery).data, status=202)
