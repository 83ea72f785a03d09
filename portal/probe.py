"""`python -m portal.probe`: 0 where the web process of this container says that it is ready.

Asks as the proxy does: with a host name that is allowed, and as if over TLS.
"""

from __future__ import annotations

import http.client
import sys

from portal.settings.env import env

PORT = 8000


def main() -> int:
    """Ask once. 1 where nobody answers, or the answer is no."""
    # A leading dot stands for all sub-domains; any of them will do.
    host = env.list("ALLOWED_HOSTS")[0].lstrip(".").replace("*", "localhost")
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
    try:
        connection.request("GET", "/health/ready/", headers={"Host": host, "X-Forwarded-Proto": "https"})
        return 0 if connection.getresponse().status == http.HTTPStatus.OK else 1
    except OSError:
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
