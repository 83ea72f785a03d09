"""The snapshots of a cohort and their files."""

from django.urls import path

from cases.export import views

app_name = "export"
urlpatterns = [
    path("snapshots/", views.snapshots, name="snapshots"),
    path("snapshots/codebook.csv", views.codebook_csv, name="codebook"),
    path("snapshots/readers.csv", views.readers_csv, name="readers"),
    path("snapshots/<uuid:snapshot_id>/fhir/<slug:release>.json", views.fhir_bundle, name="fhir"),
    path("snapshots/<uuid:snapshot_id>/<slug:table>.<slug:extension>", views.download, name="download"),
]
