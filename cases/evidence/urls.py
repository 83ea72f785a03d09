"""The dashboard."""

from django.urls import path

from cases.analysis import reanalysis_views
from cases.evidence import comparison_views, views
from cases.reading import protocol_views

app_name = "dashboard"
urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("reanalyse/", reanalysis_views.reanalyse, name="reanalyse"),
    path("protocol/", protocol_views.protocol, name="protocol"),
    path("compare/", comparison_views.compare, name="compare"),
    path("jobs/<uuid:job_id>/retry/", views.retry, name="retry"),
]
