"""The pages of a cohort's webhooks."""

from django.urls import path

from cases.exchange.webhooks import views

app_name = "exchange"
urlpatterns = [
    path("webhooks/", views.webhooks, name="webhooks"),
    path("webhooks/<uuid:webhook_id>/", views.webhook, name="webhook"),
    path("webhooks/<uuid:webhook_id>/secret/", views.secret, name="secret"),
    path("webhooks/<uuid:webhook_id>/again/", views.again, name="again"),
    path("webhooks/<uuid:webhook_id>/<slug:act>/", views.act, name="act"),
]
