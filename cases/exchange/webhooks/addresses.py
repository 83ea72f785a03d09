"""Where a webhook may lead: what its address looks like, and which machines may be behind its name.

A name is asked for at each try, and the connection goes to the very address that was judged: what the name
means a moment later changes nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TypeAlias
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _t

from cases.models.webhook import MAX_URL

Address: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"

# RFC 6052: an IPv4 address inside one of IPv6, behind a translator.
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


def checked_url(text: str) -> str:
    """The address as it is stored: its host in ASCII. Raises ValidationError with what to write instead."""
    text = text.strip()
    try:
        parts = urlsplit(text)
        port, host = parts.port, (parts.hostname or "").encode("idna").decode()
    except ValueError:
        raise ValidationError(_t("Give an address such as https://hooks.example.org/secondread.")) from None
    if not host or len(text) > MAX_URL or any(not letter >= "!" for letter in text):
        raise ValidationError(_t("Give an address such as https://hooks.example.org/secondread."))
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.WEBHOOK_ALLOW_HTTP):
        raise ValidationError(_t("The address must begin with https://."))
    if parts.username is not None or parts.fragment:
        raise ValidationError(
            _t("Leave out names, passwords and # in the address; requests are told by their signature.")
        )
    literal = _literal(host)
    if literal is not None and not is_allowed(literal):
        raise ValidationError(_t("Addresses of this network are not allowed here; ask the operator."))
    place = f"[{host}]" if ":" in host else host
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{place}{f':{port}' if port else ''}{_ascii(parts.path or '/')}{_ascii(query)}"


def _ascii(text: str) -> str:
    return quote(text, safe="/%:=&?@!$'()*+,;~-._")


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def is_allowed(address: Address) -> bool:
    """Whether something may be sent to this machine: one on the internet, or in a network that the settings
    allow.
    """
    inner = _inner(address)
    if any(inner in ipaddress.ip_network(text.strip(), strict=False) for text in _networks()):
        return True
    # Site-local addresses of old (RFC 3879) count as global: some house may have them still.
    is_inside = inner.is_multicast or inner.is_reserved or getattr(inner, "is_site_local", False)
    return inner.is_global and not is_inside


def _networks() -> list[str]:
    return [text for text in settings.WEBHOOK_PRIVATE_NETWORKS if text.strip()]


def _inner(address: Address) -> Address:
    """The IPv4 address that one of IPv6 stands for, where it does."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _TRANSLATED:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1] or address
    return address


def resolved(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[object, ...]]]:
    """The machines behind a name that may be connected to, as socket addresses; empty where none may.

    Raises OSError where the name means nothing.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [
        (family, place)
        for family, _type, _protocol, _name, place in found
        if is_allowed(ipaddress.ip_address(str(place[0]).partition("%")[0]))
    ]
