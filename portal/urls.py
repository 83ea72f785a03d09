"""Where everything is."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from cases.api.views.index import UnknownView
from portal.accounts.views import admin_sign_in
from portal.guides import guide, guides
from portal.icon import icon
from portal.language import choose_language
from portal.theme import choose_theme

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="cases:worklist"), name="home"),
    path("favicon.ico", icon, name="icon"),
    path("theme/", choose_theme, name="theme"),
    path("language/", choose_language, name="language"),
    path("help/", guides, name="guides"),
    path("help/<slug:name>/", guide, name="guide"),
    path("cases/", include("cases.urls")),
    path("accounts/", include("portal.accounts.urls")),
    path("", include("cases.people.urls")),
    path("dashboard/", include("cases.evidence.urls")),
    path("dashboard/", include("cases.export.urls")),
    path("dashboard/", include("cases.governance.urls")),
    path("dashboard/", include("cases.setup.urls")),
    path("dashboard/", include("cases.record.urls")),
    path("dashboard/", include("cases.deletion.urls")),
    path("dashboard/", include("cases.exchange.urls")),
    path("api/v1/", include("cases.api.urls")),
    re_path("^api/", UnknownView.as_view()),
    path("health/", include("portal.monitoring.urls")),
    # Before the admin's own address of this name, which asks no limiter.
    path("admin/login/", admin_sign_in),
    # And of this name, which counts no wrong passwords.
    path("admin/password_change/", RedirectView.as_view(pattern_name="accounts:password-change")),
    path("admin/", admin.site.urls),
]

handler400 = "portal.errors.bad_request"
handler403 = "portal.errors.permission_denied"
handler404 = "portal.errors.page_not_found"
handler500 = "portal.errors.server_error"
