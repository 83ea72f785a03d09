"""The portal itself as an app, so that Django finds its commands and checks."""

from django.apps import AppConfig
from django.conf import settings


class PortalConfig(AppConfig):
    name = "portal"

    def ready(self) -> None:
        """Register the checks of the settings and the ids that messages carry, and tell those who are to be
        told of errors and times.
        """
        from cases.exchange import checks  # noqa: F401 - models are there only now
        from portal.monitoring import request_ids, sentry, tracing  # noqa: F401 - the first hears the queue

        if settings.SENTRY_DSN:
            sentry.start(settings.SENTRY_DSN)
        if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
            tracing.start()
