"""The dashboard, and what else study administrators see of their cohorts."""

from django.urls import path

from cases.analysis import reanalysis_views
from cases.evidence import comparison_views, evidence_views, teaching_views, views
from cases.reading import protocol_views

app_name = "dashboard"
urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("reanalyse/", reanalysis_views.reanalyse, name="reanalyse"),
    path("protocol/", protocol_views.protocol, name="protocol"),
    path("compare/", comparison_views.compare, name="compare"),
    path("evidence/", evidence_views.evidence, name="evidence"),
    path("evidence/open/", evidence_views.open_figures, name="open_figures"),
    path("evidence/<slug:name>.csv", evidence_views.card_csv, name="card_csv"),
    path("evidence/<slug:name>.svg", evidence_views.card_svg, name="card_svg"),
    path("teaching/", teaching_views.results, name="teaching"),
    path("teaching/<slug:name>.csv", teaching_views.results_csv, name="teaching_csv"),
    path("teaching/<slug:name>.svg", teaching_views.results_svg, name="teaching_svg"),
    path("jobs/<uuid:job_id>/retry/", views.retry, name="retry"),
]
