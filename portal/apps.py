"""The portal itself as an app, so that Django finds its commands and checks."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"

    def ready(self) -> None:
        """Register the checks of the settings."""
        from cases.exchange import checks  # noqa: F401 - models are there only now
