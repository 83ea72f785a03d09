"""The portal itself as an app, so that Django finds its commands and checks."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"
