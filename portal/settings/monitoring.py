"""What an operator watches: figures and logs."""

from __future__ import annotations

from portal.settings.env import env

# Who may fetch /health/metrics/: these networks, and whoever sends "Authorization: Bearer METRICS_TOKEN".
METRICS_NETWORKS: list[str] = env.list("METRICS_NETWORKS", default=["127.0.0.0/8", "::1/128"])
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
# Where errors, and where times go (portal/monitoring/sentry.py, tracing.py); empty for nowhere.
SENTRY_DSN = env.str("SENTRY_DSN", default="")
OTEL_EXPORTER_OTLP_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
# "json" writes an object a line.
LOG_FORMAT = env.str("LOG_FORMAT", default="line")
# A line a request: its route, status and time.
LOG_REQUESTS = env.bool("LOG_REQUESTS", default=False)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "portal.monitoring.logs.DiscreetFormatter",
            "format": "{asctime} {levelname} {request_id} {name} {message}",
            "style": "{",
        },
        "json": {"class": "portal.monitoring.logs.JsonFormatter"},
    },
    "filters": {"request_id": {"()": "portal.monitoring.logs.RequestIdFilter"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["request_id"]},
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # Without Django's own handlers, which would write at DEBUG what the formatter leaves out.
        "django": {"handlers": [], "level": "INFO"},
        # At DEBUG, Pillow logs the tags of a TIFF, and a patient's name may stand in one.
        "PIL": {"level": "WARNING"},
        # They log values that peers sent, and errors that quote them.
        "pydicom": {"level": "CRITICAL", "propagate": False},
        "pynetdicom": {"level": "CRITICAL", "propagate": False},
        "highdicom": {"level": "WARNING"},  # it tells of every instance that it makes
        "fido2": {"level": "WARNING"},  # it names every key that answers
    },
}
