"""Addresses for machines that watch: the container engine's and Prometheus'."""

from django.urls import path

from portal.monitoring import health, metrics

app_name = "health"
urlpatterns = [
    path("live/", health.live, name="live"),
    path("ready/", health.ready, name="ready"),
    path("metrics/", metrics.metrics, name="metrics"),
]
