"""The user, signing in, and passwords."""

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "portal.accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from portal.accounts import proof

        user_logged_in.connect(proof.note_sign_in)
