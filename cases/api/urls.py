"""/api/v1/."""

from django.urls import path, re_path

from cases.api.views.audit import AuditView
from cases.api.views.base import METHODS
from cases.api.views.cases import CasesView, CaseView, RetryView
from cases.api.views.cohorts import CohortsView, CohortView, PlanView, ReadersView
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
from cases.api.views.docs import docs
from cases.api.views.document import DocumentView
from cases.api.views.exports import ReviewedCasesView
from cases.api.views.figures import FiguresView
from cases.api.views.governance import AcceptancesView, DriftView
from cases.api.views.images import MapView, PictureView, PredictionsView
from cases.api.views.index import IndexView, ProblemsView, UnknownView
from cases.api.views.model_versions import ModelVersionsView
from cases.api.views.protocols import ProtocolsView, ProtocolView
from cases.api.views.resumable import ResumableCreateView, ResumableUploadsView, ResumableUploadView
from cases.api.views.reviews import (
    AdjudicationView,
    AmendmentView,
    FirstReadsView,
    FirstReadView,
    ReviewsView,
)
from cases.api.views.snapshots import (
    CodebookView,
    SnapshotBundleView,
    SnapshotsView,
    SnapshotTableView,
    SnapshotView,
)
from cases.api.views.truth import TruthView
from cases.api.views.uploads import UploadsView
from cases.api.views.webhooks import (
    DeliveriesView,
    ReplayView,
    WebhookPauseView,
    WebhookResumeView,
    WebhookSecretView,
    WebhooksView,
    WebhookTestView,
    WebhookView,
)

app_name = "api"
_INSTANCE = "dicomweb/<uuid:cohort_id>/studies/<str:study>/series/<str:series>/instances/<str:instance>"
urlpatterns = [
    path("", IndexView.as_view(), name="index"),
    path("schema/", DocumentView.as_view(http_method_names=METHODS), name="schema"),
    path("docs/", docs, name="docs"),
    path("problems/", ProblemsView.as_view(), name="problems"),
    path("cohorts/", CohortsView.as_view(), name="cohorts"),
    path("cohorts/<uuid:cohort_id>/", CohortView.as_view(), name="cohort"),
    path("cohorts/<uuid:cohort_id>/acceptances/", AcceptancesView.as_view(), name="acceptances"),
    path("cohorts/<uuid:cohort_id>/audit/", AuditView.as_view(), name="audit"),
    path("cohorts/<uuid:cohort_id>/drift/", DriftView.as_view(), name="drift"),
    path("cohorts/<uuid:cohort_id>/plan/", PlanView.as_view(), name="plan"),
    path("cohorts/<uuid:cohort_id>/protocol/", ProtocolView.as_view(), name="protocol"),
    path("cohorts/<uuid:cohort_id>/protocols/", ProtocolsView.as_view(), name="protocols"),
    path("cohorts/<uuid:cohort_id>/readers/", ReadersView.as_view(), name="readers"),
    path("cohorts/<uuid:cohort_id>/truth/", TruthView.as_view(), name="truth"),
    path("cohorts/<uuid:cohort_id>/webhooks/", WebhooksView.as_view(), name="webhooks"),
    path("webhooks/<uuid:webhook_id>/", WebhookView.as_view(), name="webhook"),
    path("webhooks/<uuid:webhook_id>/secret/", WebhookSecretView.as_view(), name="webhook-secret"),
    path("webhooks/<uuid:webhook_id>/pause/", WebhookPauseView.as_view(), name="webhook-pause"),
    path("webhooks/<uuid:webhook_id>/resume/", WebhookResumeView.as_view(), name="webhook-resume"),
    path("webhooks/<uuid:webhook_id>/test/", WebhookTestView.as_view(), name="webhook-test"),
    path("webhooks/<uuid:webhook_id>/deliveries/", DeliveriesView.as_view(), name="deliveries"),
    path(
        "webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/replay/",
        ReplayView.as_view(),
        name="replay",
    ),
    path("uploads/", UploadsView.as_view(), name="uploads"),
    path("resumable-uploads/", ResumableUploadsView.as_view(), name="resumable-uploads"),
    path("resumable-uploads/<uuid:upload_id>/", ResumableUploadView.as_view(), name="resumable-upload"),
    path(
        "resumable-uploads/<uuid:upload_id>/create/", ResumableCreateView.as_view(), name="resumable-create"
    ),
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
    path("cases/<slug:code>/adjudication/", AdjudicationView.as_view(), name="adjudication"),
    path("cases/<slug:code>/first-reads/", FirstReadsView.as_view(), name="first-reads"),
    path("cases/<slug:code>/images/<int:position>/", PictureView.as_view(), name="picture"),
    path("cases/<slug:code>/predictions/", PredictionsView.as_view(), name="predictions"),
    path(
        "cases/<slug:code>/predictions/<uuid:prediction_id>/maps/<str:layer>/<str:shown_class>/",
        MapView.as_view(),
        name="map",
    ),
    path("cases/<slug:code>/dicom/", CaseDicomView.as_view(), name="case-dicom"),
    path("cases/<slug:code>/retry/", RetryView.as_view(), name="retry"),
    path("cases/<slug:code>/first-read/", FirstReadView.as_view(), name="first-read"),
    path("cases/<slug:code>/reviews/", ReviewsView.as_view(), name="reviews"),
    path("reviews/<uuid:review_id>/amend/", AmendmentView.as_view(), name="amend"),
    path("reviewed-cases/", ReviewedCasesView.as_view(), name="reviewed-cases"),
    path("model-versions/", ModelVersionsView.as_view(), name="model-versions"),
    path("codebook/", CodebookView.as_view(), name="codebook"),
    path("figures/", FiguresView.as_view(), name="figures"),
    path("snapshots/", SnapshotsView.as_view(), name="snapshots"),
    path("snapshots/<uuid:snapshot_id>/", SnapshotView.as_view(), name="snapshot"),
    path(
        "snapshots/<uuid:snapshot_id>/fhir/<slug:release>/",
        SnapshotBundleView.as_view(),
        name="snapshot-bundle",
    ),
    path("snapshots/<uuid:snapshot_id>/<slug:table>/", SnapshotTableView.as_view(), name="snapshot-table"),
    re_path("", UnknownView.as_view(), name="unknown"),
]
