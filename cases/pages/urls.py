"""Where the pages of the cases are."""

from django.urls import path, register_converter

from cases.pages import (
    adjudication,
    analysis,
    bulk,
    images,
    own_reading,
    review,
    saved_views,
    teaching,
    upload,
    worklist,
)


class CaseCode:
    """A code such as K7QF-2M9D, in any case of letters."""

    regex = "[0-9A-Za-z]{4}-[0-9A-Za-z]{4}"

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
    path("upload/", upload.upload, name="upload"),
    path("teaching/", teaching.start, name="teaching"),
    path("teaching/draw/<uuid:cohort_id>/", teaching.draw, name="teaching-draw"),
    path("teaching/restart/<uuid:cohort_id>/", teaching.restart, name="teaching-restart"),
    path("teaching/<code:code>/", teaching.case, name="teaching-case"),
    path("next-disputed/", adjudication.next_disputed, name="next-disputed"),
    path("next/", worklist.next_case, name="next"),
    path("states/", worklist.states, name="states"),
    path("live/", worklist.live, name="live"),
    path("bulk/", bulk.bulk, name="bulk"),
    path("views/", saved_views.views, name="views"),
    path("views/save/", saved_views.save, name="view-save"),
    path("views/<int:view_id>/rename/", saved_views.rename, name="view-rename"),
    path("views/<int:view_id>/delete/", saved_views.delete, name="view-delete"),
    path("<code:code>/", review.case_page, name="case"),
    path("<code:code>/amend/", review.amend, name="amend"),
    path("<code:code>/adjudicate/", adjudication.adjudication, name="adjudicate"),
    path("<code:code>/ahead/", worklist.ahead, name="ahead"),
    path("<code:code>/draft/", own_reading.draft, name="draft"),
    path("<code:code>/hold/", own_reading.hold, name="hold"),
    path("<code:code>/give-back/", own_reading.give_back, name="give-back"),
    path("<code:code>/undo/", own_reading.undo, name="undo"),
    path("<code:code>/finish/", own_reading.finish, name="finish"),
    path("<code:code>/status/", analysis.status, name="status"),
    path("<code:code>/retry/", analysis.retry, name="retry"),
    path("<code:code>/base.png", images.base, name="base"),
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
