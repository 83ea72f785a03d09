"""Governance: drift, and which network is used."""

from django.urls import path

from cases.governance import drift_views, network_views, sentinel_views

app_name = "governance"
urlpatterns = [
    path("drift/", drift_views.drift, name="drift"),
    path("drift/freeze/", drift_views.freeze_baseline, name="freeze"),
    path("drift/alerts/<uuid:alert_id>/", drift_views.acknowledge, name="acknowledge"),
    path("drift/<slug:name>.csv", drift_views.drift_csv, name="drift_csv"),
    path("drift/<slug:name>.svg", drift_views.drift_svg, name="drift_svg"),
    path("sentinels/", sentinel_views.sentinels, name="sentinels"),
    path("sentinels/mark/", sentinel_views.mark, name="mark_sentinels"),
    path("sentinels/<slug:name>.csv", sentinel_views.sentinels_csv, name="sentinels_csv"),
    path("sentinels/<slug:name>.svg", sentinel_views.sentinels_svg, name="sentinels_svg"),
    path("networks/", network_views.networks, name="networks"),
    path("networks/shadow/", network_views.run_in_shadow, name="shadow"),
    path("networks/back/", network_views.go_back, name="go_back"),
    path("networks/bounds/", network_views.state, name="state"),
    path("networks/bounds/<uuid:bounds_id>/", network_views.bounds, name="bounds"),
    path("networks/bounds/<uuid:bounds_id>/open/", network_views.open_comparison, name="open"),
    path("networks/bounds/<uuid:bounds_id>/decide/", network_views.decide, name="decide"),
    path("networks/bounds/<uuid:bounds_id>.csv", network_views.bounds_csv, name="bounds_csv"),
    path("networks/bounds/<uuid:bounds_id>.svg", network_views.bounds_svg, name="bounds_svg"),
]
