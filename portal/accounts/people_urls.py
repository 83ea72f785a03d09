"""Who is in a cohort."""

from django.urls import path

from portal.accounts import people_views, token_views

app_name = "people"
urlpatterns = [
    path("", people_views.people, name="list"),
    path("invitations/<uuid:invitation_id>/withdraw/", people_views.withdraw, name="withdraw"),
    path("members/<int:membership_id>/role/", people_views.change_role, name="role"),
    path("members/<int:membership_id>/remove/", people_views.remove, name="remove"),
    path("<uuid:user_id>/tokens/", token_views.member_tokens, name="tokens"),
    path("<uuid:user_id>/tokens/revoke/", token_views.revoke_member, name="token-revoke"),
]
