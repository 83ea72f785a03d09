"""The record of a cohort."""

from django.urls import path

from cases.record import views

app_name = "record"
urlpatterns = [
    path("record/", views.record, name="record"),
    path("record/lines.ndjson", views.record_lines, name="lines"),
]
