"""The way to a broker of the Redis protocol, in which a closed connection is one that is lost.

Where the broker dies with messages in a worker's hands, kombu gives them back over the connection that it
has just closed: an AttributeError, for which Celery ends the worker. It knows what to do of a lost one.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis


class Channel(redis.Channel):
    """As kombu's."""

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection.client is None:
            raise ConnectionError("The connection to the broker is closed.")
        found: dict[str, Any] = super()._connparams(asynchronous=asynchronous)  # type: ignore[misc]  # no stub
        return found


class Transport(redis.Transport):
    """Takes the place of kombu's under the same names (portal/celery.py)."""

    Channel = Channel
