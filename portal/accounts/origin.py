"""Where a request comes from: the client's address, its network, and whether the browser is known.

Addresses are kept as keyed digests alone: rows and backups name nobody.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

Address: TypeAlias = IPv4Address | IPv6Address

# A provider gives a household or a ward one of these at least.
NETWORK_BITS = {4: 24, 6: 64}
COOKIE = "device"
COOKIE_SECONDS = 180 * 24 * 60 * 60
# A workstation of a reading room is everybody's.
PEOPLE_OF_A_DEVICE = 20
_SALT = "portal.accounts.origin"


@dataclass(frozen=True)
class Origin:
    """Digests. place: the address, or the browser where it is one that the person has signed in on before.

    network: that of the address; empty for such a browser, which answers for itself alone.
    """

    place: str
    network: str


def digest(*parts: str) -> str:
    """A keyed digest, the same on every web process."""
    return salted_hmac(_SALT, "\n".join(parts), algorithm="sha256").hexdigest()


def client_address(request: HttpRequest) -> Address | None:
    """Who is at the other end; behind one of TRUSTED_PROXIES, whom that one saw. None for a socket file."""
    peer = _address(request.META.get("REMOTE_ADDR", ""))
    if peer is None or not is_from_proxy(request):
        return peer
    # What stands before the last comma is the client's own claim.
    seen = request.headers.get("X-Forwarded-For", "").rpartition(",")[2]
    return _address(seen) or peer


def is_from_proxy(request: HttpRequest) -> bool:
    """Whether one of TRUSTED_PROXIES is at the other end."""
    peer = _address(request.META.get("REMOTE_ADDR", ""))
    return peer is not None and any(peer in network for network in _proxies())


def network_of(address: Address) -> str:
    """The network, as text."""
    return str(ip_network((address, NETWORK_BITS[address.version]), strict=False))


def origin_of(request: HttpRequest, who: str = "") -> Origin:
    """Where the request comes from. `who`: the digest of the person that it names, if it does."""
    device, people = _device(request)
    if who and who in people:
        return Origin(digest("device", device), "")
    address = client_address(request)
    if address is None:
        return Origin(digest("socket"), digest("socket"))
    return Origin(digest("address", str(address)), digest("network", network_of(address)))


def remember_device(request: HttpRequest, response: HttpResponse, who: str) -> None:
    """Have the browser say at its next sign-in that this person has signed in on it before."""
    device, people = _device(request)
    kept = [who, *(each for each in people if each != who)][:PEOPLE_OF_A_DEVICE]
    response.set_cookie(
        COOKIE,
        signing.dumps([device or secrets.token_urlsafe(16), *kept], salt=_SALT),
        max_age=COOKIE_SECONDS,
        path="/accounts/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _device(request: HttpRequest) -> tuple[str, list[str]]:
    """The browser's number and the digests of who has signed in on it; empty for a new one."""
    try:
        device, *people = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=COOKIE_SECONDS)
    except signing.BadSignature:
        return "", []
    return device, people


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _proxies() -> list[IPv4Network | IPv6Network]:
    return [ip_network(text.strip(), strict=False) for text in settings.TRUSTED_PROXIES]
