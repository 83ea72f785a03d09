"""The Celery app. Tasks are sent by name with ids only, so this module imports no task code."""

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

TRANSPORT_ALIASES |= dict.fromkeys(("redis", "rediss"), "portal.transport:Transport")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.base")
# They load every page and REST, 60 MB that no worker needs, and what they find is told to nobody here;
# `manage.py migrate`, which runs before a worker, tells it.
os.environ |= {"CELERY_SKIP_CHECKS": "yes"}

app = Celery("secondread")
app.config_from_object("django.conf:settings", namespace="CELERY")
