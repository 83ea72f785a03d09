"""A closed connection to the broker is a lost one, which no worker dies of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from kombu import Connection

import portal.celery  # noqa: F401 - which names it to kombu
from portal.transport import Channel, Transport


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:1/0", "rediss://127.0.0.1:1/0", "redis+socket:///nowhere"]
)
def test_every_redis_is_reached_by_it(url: str) -> None:
    with Connection(url) as connection:
        assert connection.get_transport_cls() is Transport


def test_what_is_given_back_over_a_closed_connection_is_a_lost_connection() -> None:
    channel: Any = object.__new__(Channel)
    channel.connection = SimpleNamespace(client=None)
    with pytest.raises(ConnectionError) as caught:
        channel._connparams()
    assert isinstance(caught.value, Transport.connection_errors)
