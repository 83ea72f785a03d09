"""Where the pages of the cases are."""

from django.urls import path, register_converter

from cases.analysis import views as analysis
from cases.export.dicom import views as export
from cases.intake import blackout_views
from cases.intake import views as intake
from cases.intake.incoming import views as incoming
from cases.models.case import CODE_SHAPE
from cases.reading import adjudication_views, next_case_views, reading_actions
from cases.reading import views as reading
from cases.teaching import views as teaching
from cases.viewer import images
from cases.worklist import bulk_pages, columns, saved_view_pages
from cases.worklist import views as worklist


class CaseCode:
    """A code such as K7QF-2M9D, in any case of letters."""

    regex = CODE_SHAPE

    def to_python(self, value: str) -> str:
        """The code as it is stored."""
        return value.upper()

    def to_url(self, value: str) -> str:
        """The code as it is shown."""
        return value


register_converter(CaseCode, "code")

app_name = "cases"
urlpatterns = [
    path("", worklist.worklist, name="worklist"),
    path("upload/", intake.upload, name="upload"),
    path("upload/<uuid:upload_id>/", incoming.incoming, name="incoming"),
    path("upload/<uuid:upload_id>/create/", incoming.create, name="incoming-create"),
    path("upload/<uuid:upload_id>/discard/", incoming.discard, name="incoming-discard"),
    path("teaching/", teaching.start, name="teaching"),
    path("teaching/draw/<uuid:cohort_id>/", teaching.draw, name="teaching-draw"),
    path("teaching/restart/<uuid:cohort_id>/", teaching.restart, name="teaching-restart"),
    path("teaching/<code:code>/", teaching.case, name="teaching-case"),
    path("next-disputed/", next_case_views.next_disputed, name="next-disputed"),
    path("next/", next_case_views.next_case, name="next"),
    path("states/", worklist.states, name="states"),
    path("live/", worklist.live, name="live"),
    path("bulk/", bulk_pages.bulk, name="bulk"),
    path("classes.css", analysis.class_colours, name="class-colours"),
    path("columns/", columns.choose_columns, name="columns"),
    path("views/", saved_view_pages.views, name="views"),
    path("views/save/", saved_view_pages.save, name="view-save"),
    path("views/<int:view_id>/rename/", saved_view_pages.rename, name="view-rename"),
    path("views/<int:view_id>/delete/", saved_view_pages.delete, name="view-delete"),
    path("<code:code>/", reading.case_page, name="case"),
    path("<code:code>/amend/", reading.amend, name="amend"),
    path("<code:code>/adjudicate/", adjudication_views.adjudication, name="adjudicate"),
    path("<code:code>/ahead/", next_case_views.ahead, name="ahead"),
    path("<code:code>/draft/", reading_actions.draft, name="draft"),
    path("<code:code>/hold/", reading_actions.hold, name="hold"),
    path("<code:code>/give-back/", reading_actions.give_back, name="give-back"),
    path("<code:code>/leave/", reading_actions.leave, name="leave"),
    path("<code:code>/take-over/", reading_actions.take_over, name="take-over"),
    path("<code:code>/undo/", reading_actions.undo, name="undo"),
    path("<code:code>/finish/", reading_actions.finish, name="finish"),
    path("<code:code>/status/", analysis.status, name="status"),
    path("<code:code>/release/", intake.release, name="release"),
    path("<code:code>/blackout/", blackout_views.blackout, name="blackout"),
    path("<code:code>/retry/", worklist.retry, name="retry"),
    path("<code:code>/dicom.zip", export.dicom, name="dicom"),
    path("<code:code>/base.png", images.base, name="base"),
    path("<code:code>/thumbnail.png", images.thumbnail, name="thumbnail"),
    path("<code:code>/base.nii.gz", images.base_nifti, name="base-nifti"),
    path(
        "<code:code>/maps/<uuid:prediction_id>/<str:layer>/<str:shown_class>.png", images.heat_map, name="map"
    ),
    path(
        "<code:code>/maps/<uuid:prediction_id>/<str:layer>/<str:shown_class>.nii.gz",
        images.heat_map_nifti,
        name="map-nifti",
    ),
    path(
        "<code:code>/overlay/<uuid:prediction_id>/<str:layer>/<str:shown_class>.png",
        images.overlay,
        name="overlay",
    ),
]
