"""The dashboard."""

from django.urls import path

from portal.dashboard import model_views, protocol_views, views

app_name = "dashboard"
urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("reanalyse/", model_views.reanalyse, name="reanalyse"),
    path("protocol/", protocol_views.protocol, name="protocol"),
    path("compare/", model_views.compare, name="compare"),
    path("jobs/<uuid:job_id>/retry/", views.retry, name="retry"),
]
