"""Signing in and out, passwords, and the second factor."""

from django.urls import path

from portal.accounts import oidc_views, second_factor_views, security_key_views, session_views, views

app_name = "accounts"
urlpatterns = [
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-in/code/", second_factor_views.SecondStep.as_view(), name="sign-in-code"),
    path("oidc/", oidc_views.leave, name="oidc"),
    path("oidc/back/", oidc_views.come_back, name="oidc-back"),
    path("sign-out/", views.SignOut.as_view(), name="sign-out"),
    path("confirm/", second_factor_views.Confirm.as_view(), name="confirm"),
    path("second-factor/", second_factor_views.own, name="second-factor"),
    path("second-factor/app/", second_factor_views.app, name="second-factor-app"),
    path("second-factor/app/end/", second_factor_views.end_app, name="second-factor-app-end"),
    path("second-factor/keys/add/", security_key_views.add, name="security-key-add"),
    path("second-factor/keys/<uuid:key_id>/rename/", security_key_views.rename, name="security-key-rename"),
    path("second-factor/keys/<uuid:key_id>/remove/", security_key_views.remove, name="security-key-remove"),
    path("second-factor/codes/", second_factor_views.new_codes, name="recovery-codes"),
    path("second-factor/end/", second_factor_views.end, name="second-factor-end"),
    path("sessions/", session_views.own, name="sessions"),
    path("sessions/end/", session_views.end, name="sessions-end"),
    path("password/", views.PasswordChange.as_view(), name="password-change"),
    path("password/reset/", views.PasswordReset.as_view(), name="password-reset"),
    path("password/reset/sent/", views.PasswordResetSent.as_view(), name="password-reset-sent"),
    path(
        "password/reset/<uidb64>/<token>/",
        views.PasswordResetConfirm.as_view(),
        name="password-reset-confirm",
    ),
]
