"""/api/v1/."""

from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView

from cases.api.views.base import METHODS
from cases.api.views.cases import CasesView, CaseView, CohortsView, RetryView
from cases.api.views.dicom_export import CaseDicomView
from cases.api.views.dicomweb import InstancesOfSeriesView, SeriesOfStudyView, StudiesView
from cases.api.views.dicomweb_retrieval import (
    FramesView,
    InstanceMetadataView,
    InstanceView,
    RenderedView,
    SeriesMetadataView,
    SeriesView,
    StudyMetadataView,
    StudyView,
)
from cases.api.views.exports import ReviewedCasesView
from cases.api.views.figures import FiguresView
from cases.api.views.index import IndexView, ProblemsView, UnknownView
from cases.api.views.reviews import AmendmentView, FirstReadView, ReviewsView
from cases.api.views.snapshots import CodebookView, SnapshotsView, SnapshotTableView, SnapshotView
from cases.api.views.uploads import UploadsView

app_name = "api"
_INSTANCE = "dicomweb/<uuid:cohort_id>/studies/<str:study>/series/<str:series>/instances/<str:instance>"
urlpatterns = [
    path("", IndexView.as_view(), name="index"),
    path("schema/", SpectacularAPIView.as_view(http_method_names=METHODS), name="schema"),
    path("problems/", ProblemsView.as_view(), name="problems"),
    path("cohorts/", CohortsView.as_view(), name="cohorts"),
    path("uploads/", UploadsView.as_view(), name="uploads"),
    path("dicomweb/<uuid:cohort_id>/studies", StudiesView.as_view(), name="dicomweb-studies"),
    path(
        "dicomweb/<uuid:cohort_id>/studies/<str:study>/series",
        SeriesOfStudyView.as_view(),
        name="dicomweb-series",
    ),
    path(
        "dicomweb/<uuid:cohort_id>/studies/<str:study>/series/<str:series>/instances",
        InstancesOfSeriesView.as_view(),
        name="dicomweb-instances",
    ),
    path("dicomweb/<uuid:cohort_id>/studies/<str:study>", StudyView.as_view(), name="wado-study"),
    path(
        "dicomweb/<uuid:cohort_id>/studies/<str:study>/metadata",
        StudyMetadataView.as_view(),
        name="wado-study-metadata",
    ),
    path(
        "dicomweb/<uuid:cohort_id>/studies/<str:study>/series/<str:series>",
        SeriesView.as_view(),
        name="wado-series",
    ),
    path(
        "dicomweb/<uuid:cohort_id>/studies/<str:study>/series/<str:series>/metadata",
        SeriesMetadataView.as_view(),
        name="wado-series-metadata",
    ),
    path(_INSTANCE, InstanceView.as_view(), name="wado-instance"),
    path(f"{_INSTANCE}/metadata", InstanceMetadataView.as_view(), name="wado-instance-metadata"),
    path(f"{_INSTANCE}/rendered", RenderedView.as_view(), name="wado-rendered"),
    path(f"{_INSTANCE}/frames/<str:frames>", FramesView.as_view(), name="wado-frames"),
    path("cases/", CasesView.as_view(), name="cases"),
    path("cases/<slug:code>/", CaseView.as_view(), name="case"),
    path("cases/<slug:code>/dicom/", CaseDicomView.as_view(), name="case-dicom"),
    path("cases/<slug:code>/retry/", RetryView.as_view(), name="retry"),
    path("cases/<slug:code>/first-read/", FirstReadView.as_view(), name="first-read"),
    path("cases/<slug:code>/reviews/", ReviewsView.as_view(), name="reviews"),
    path("reviews/<uuid:review_id>/amend/", AmendmentView.as_view(), name="amend"),
    path("reviewed-cases/", ReviewedCasesView.as_view(), name="reviewed-cases"),
    path("codebook/", CodebookView.as_view(), name="codebook"),
    path("figures/", FiguresView.as_view(), name="figures"),
    path("snapshots/", SnapshotsView.as_view(), name="snapshots"),
    path("snapshots/<uuid:snapshot_id>/", SnapshotView.as_view(), name="snapshot"),
    path("snapshots/<uuid:snapshot_id>/<slug:table>/", SnapshotTableView.as_view(), name="snapshot-table"),
    re_path("", UnknownView.as_view(), name="unknown"),
]
