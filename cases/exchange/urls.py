"""What of a cohort was sent to which archive."""

from django.urls import path

from cases.exchange import views

app_name = "exchange"
urlpatterns = [
    path("sendings/", views.sendings, name="sendings"),
    path("sendings/rules/", views.rules, name="rules"),
    path("sendings/originals/", views.originals, name="originals"),
    path("sendings/case/", views.send, name="send"),
    path("sendings/<uuid:sending_id>/again/", views.again, name="again"),
]
