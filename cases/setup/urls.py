"""Setting a study up."""

from django.urls import path

from cases.setup import import_views, views

app_name = "setup"
urlpatterns = [
    path("study/", views.study, name="study"),
    path("study/new/", views.new_cohort, name="new"),
    path("study/import/", import_views.import_from_folder, name="import"),
    path("study/plan/", views.plan, name="plan"),
    path("study/remind/", views.remind, name="remind"),
    path("study/truth/", views.truth_by_hand, name="truth"),
    path("study/truth/try/", views.try_truth, name="try"),
    path("study/truth/write/", views.write_truth, name="write"),
    path("study/truth/template.csv", views.truth_template, name="template"),
]
