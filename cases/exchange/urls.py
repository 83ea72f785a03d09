"""The pages of a cohort's webhooks, and of what was sent to which archive."""

from django.urls import path

from cases.exchange import views
from cases.exchange.webhooks import views as webhooks

app_name = "exchange"
urlpatterns = [
    path("webhooks/", webhooks.webhooks, name="webhooks"),
    path("webhooks/<uuid:webhook_id>/", webhooks.webhook, name="webhook"),
    path("webhooks/<uuid:webhook_id>/secret/", webhooks.secret, name="secret"),
    path("webhooks/<uuid:webhook_id>/again/", webhooks.again, name="webhook-again"),
    path("webhooks/<uuid:webhook_id>/<slug:act>/", webhooks.act, name="act"),
    path("sendings/", views.sendings, name="sendings"),
    path("sendings/rules/", views.rules, name="rules"),
    path("sendings/originals/", views.originals, name="originals"),
    path("sendings/case/", views.send, name="send"),
    path("sendings/<uuid:sending_id>/again/", views.again, name="again"),
]
