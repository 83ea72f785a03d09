"""Deleting, and what was deleted."""

from django.urls import path

from cases.deletion import views

app_name = "deletion"
urlpatterns = [
    path("deletions/", views.deletions, name="deletions"),
    path("deletions/case/<str:code>/", views.ask_case, name="case"),
    path("deletions/cohort/<uuid:cohort_id>/", views.ask_cohort, name="cohort"),
    path("deletions/requests/<uuid:request_id>/", views.decide, name="request"),
    path("deletions/retention/", views.retention, name="retention"),
]
