"""The pages on which study administrators keep webhooks, and see what was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from cases.access import PageRequest, signed_in
from cases.cohorts import chosen_cohort, known_cohorts
from cases.exchange.webhooks import hooks
from cases.exchange.webhooks.forms import WebhookForm
from cases.exchange.webhooks.signing import secret_of
from cases.exchange.webhooks.words import answer_words, event_words
from cases.lifecycle import HookEvent
from cases.models import Webhook, WebhookDelivery
from cases.permissions import Action, require

if TYPE_CHECKING:
    from cases.models import Cohort

SHOWN = 50


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def webhooks(request: PageRequest) -> HttpResponse:
    """The webhooks of a cohort, and the form that makes one, whose answer shows the secret."""
    given = request.POST if request.method == "POST" else request.GET
    managed, cohort = chosen_cohort(request.user, given.get("cohort", ""))
    form = WebhookForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            hook = hooks.create_webhook(by=request.user, cohort=cohort, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _page_of(request, hook, shown_secret=secret_of(hook))
    context = {"cohorts": managed, "cohort": cohort, "form": form, "rows": _rows(cohort)}
    return render(request, "exchange/webhooks.html", context, status=422 if form.errors else 200)


def _rows(cohort: Cohort) -> list[dict[str, Any]]:
    return [
        {"hook": hook, "events": [event_words(event) for event in hook.events]}
        for hook in cohort.webhooks.all()
    ]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def webhook(request: PageRequest, webhook_id: UUID) -> HttpResponse:
    """One webhook with what was sent; posted to, it is changed."""
    hook = _hook_or_404(request, webhook_id)
    if request.method != "POST":
        return _page_of(request, hook)
    form = WebhookForm(request.POST)
    if form.is_valid():
        try:
            hooks.change_webhook(by=request.user, hook=hook, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        except hooks.WebhookChanged as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _t("The webhook is changed."))
            return redirect("exchange:webhook", hook.pk)
    return _page_of(request, hook, form=form)


def _hook_or_404(request: PageRequest, webhook_id: UUID) -> Webhook:
    """A webhook of a cohort that the user knows of; 403 where they do not manage it."""
    found = Webhook.objects.select_related("cohort", "created_by")
    hook = get_object_or_404(found, pk=webhook_id, cohort__in=known_cohorts(request.user))
    require(request.user, Action.MANAGE, hook.cohort)
    return hook


def _page_of(
    request: PageRequest, hook: Webhook, *, form: WebhookForm | None = None, shown_secret: str = ""
) -> HttpResponse:
    shown = hook.deliveries.all()[:SHOWN]
    context: dict[str, Any] = {
        "cohort": hook.cohort,
        "hook": hook,
        "form": form or WebhookForm(initial={"url": hook.url, "events": hook.events}),
        "shown_secret": shown_secret,
        "deliveries": [
            {
                "row": each,
                "event": event_words(each.event),
                "case": each.data.get("case", ""),
                "answer": answer_words(each),
            }
            for each in shown
        ],
        "events": HookEvent.choices,
    }
    return render(request, "exchange/webhook.html", context, status=422 if form else 200)


@never_cache
@require_POST
@signed_in
def secret(request: PageRequest, webhook_id: UUID) -> HttpResponse:
    """Make another secret, and show it this once."""
    hook = hooks.renew_secret(by=request.user, hook=_hook_or_404(request, webhook_id))
    return _page_of(request, hook, shown_secret=secret_of(hook))


@never_cache
@require_POST
@signed_in
def again(request: PageRequest, webhook_id: UUID) -> HttpResponse:
    """Send one event once more."""
    hook = _hook_or_404(request, webhook_id)
    try:
        hooks.send_again(by=request.user, hook=hook, delivery_id=UUID(request.POST.get("delivery", "")))
    except (ValueError, WebhookDelivery.DoesNotExist):
        raise Http404 from None
    messages.success(request, _t("The event is sent again, within seconds."))
    return redirect("exchange:webhook", hook.pk)


@never_cache
@require_POST
@signed_in
def act(request: PageRequest, webhook_id: UUID, act: str) -> HttpResponse:
    """Try, pause, resume or remove a webhook."""
    acts = {
        "test": (hooks.send_test, _t("A test event is sent, within seconds.")),
        "pause": (hooks.pause, _t("The webhook is paused; its events wait.")),
        "resume": (hooks.resume, _t("The webhook goes on, with what has waited first.")),
        "remove": (hooks.remove_webhook, _t("The webhook is removed.")),
    }
    hook = _hook_or_404(request, webhook_id)
    if act not in acts:
        raise Http404
    do, said = acts[act]
    do(by=request.user, hook=hook)
    messages.success(request, said)
    if act == "remove":
        return redirect(f"{reverse('exchange:webhooks')}?cohort={hook.cohort_id}")
    return redirect("exchange:webhook", hook.pk)
