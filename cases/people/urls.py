"""Who is in a cohort, joining, and tokens; from the site's root, since the addresses begin in two ways."""

from django.urls import path

from cases.people import join_views, token_views, views

app_name = "people"
urlpatterns = [
    path("people/", views.people, name="list"),
    path("people/invitations/<uuid:invitation_id>/withdraw/", views.withdraw, name="withdraw"),
    path("people/members/<int:membership_id>/role/", views.change_role, name="role"),
    path("people/members/<int:membership_id>/remove/", views.remove, name="remove"),
    path("people/<uuid:user_id>/tokens/", token_views.member_tokens, name="tokens"),
    path("people/<uuid:user_id>/tokens/revoke/", token_views.revoke_member, name="token-revoke"),
    path("accounts/invitation/<str:secret>/", join_views.invitation, name="invitation"),
    path("accounts/tokens/", token_views.own_tokens, name="own-tokens"),
    path("accounts/tokens/revoke/", token_views.revoke_own, name="own-token-revoke"),
]
