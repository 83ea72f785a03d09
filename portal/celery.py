"""The Celery app. Tasks are sent by name with ids only, so this module imports no task code."""

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

TRANSPORT_ALIASES |= dict.fromkeys(("redis", "rediss"), "portal.transport:Transport")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.base")

app = Celery("secondread")
app.config_from_object("django.conf:settings", namespace="CELERY")
