"""Governance: drift, and which network is used."""

from django.urls import path

from cases.governance import drift_views

app_name = "governance"
urlpatterns = [
    path("drift/", drift_views.drift, name="drift"),
    path("drift/freeze/", drift_views.freeze_baseline, name="freeze"),
    path("drift/alerts/<uuid:alert_id>/", drift_views.acknowledge, name="acknowledge"),
    path("drift/<slug:name>.csv", drift_views.drift_csv, name="drift_csv"),
    path("drift/<slug:name>.svg", drift_views.drift_svg, name="drift_svg"),
]
