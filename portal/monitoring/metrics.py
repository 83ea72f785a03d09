"""`/health/metrics/`: figures for Prometheus, for whom the operator names and for nobody else."""

from __future__ import annotations

import os
from functools import lru_cache
from ipaddress import ip_network

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from portal.accounts.origin import client_address
from portal.monitoring.state import StateCollector


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Every figure, in Prometheus' text format. 404 for whoever may not ask: that it is here is nobody's."""
    if not (_has_token(request) or _is_near(request)):
        raise Http404
    return HttpResponse(
        generate_latest(_requests()) + generate_latest(_state()), content_type=CONTENT_TYPE_LATEST
    )


def _has_token(request: HttpRequest) -> bool:
    """Whether the request carries METRICS_TOKEN, where there is one."""
    token = settings.METRICS_TOKEN
    sent = request.headers.get("Authorization", "")
    return bool(token) and constant_time_compare(sent, f"Bearer {token}")


def _is_near(request: HttpRequest) -> bool:
    address = client_address(request)
    networks = (ip_network(each) for each in settings.METRICS_NETWORKS)
    return address is not None and any(address in network for network in networks)


def _requests() -> CollectorRegistry:
    """Of this process; or of all of them, where they share a folder."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


@lru_cache
def _state() -> CollectorRegistry:
    registry = CollectorRegistry()
    # It describes nothing: what it has to say costs queries, and is asked for when it is registered.
    registry.register(StateCollector())
    return registry
