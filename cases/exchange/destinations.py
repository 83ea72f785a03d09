"""Where reviewed cases may be sent: the archives that the settings name.

Nobody but the operator says what this machine connects to. In the database, and in what people type, there
are names alone, so that no account can make the portal knock at doors of the hospital's network.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from django.conf import settings

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_LONGEST_TITLE = 16  # PS3.5, table 6.2-1
_WANTED = "Write each as NAME=https://HOST/DICOMWEB-ROOT or NAME=dicom://AE-TITLE@HOST:PORT."
_PORTS = {"https": 443, "http": 80, "dicom": 104, "dicoms": 2762}


class DestinationError(Exception):
    """A setting that cannot be used; the message says what to write instead, and quotes no secret."""


@dataclass(frozen=True)
class Destination:
    """One archive. kind: the protocol. title: its AE title; path: the root of its DICOMweb service.
    authorisation: the header's value, which is in no repr.
    """

    name: str
    kind: Literal["stow", "cstore"]
    host: str
    port: int
    is_tls: bool
    path: str = ""
    title: str = ""
    authorisation: str = field(default="", repr=False)

    @property
    def words(self) -> str:
        """The name with the protocol and the host, for those who look after the study."""
        protocol = "STOW-RS" if self.kind == "stow" else f"C-STORE, {self.title}"
        return f"{self.name} ({protocol}{', TLS' if self.is_tls else ''}, {self.host})"


def destinations() -> Mapping[str, Destination]:
    """The destinations by name, as the settings say. Raises DestinationError."""
    return destinations_of(settings.DICOM_DESTINATIONS, settings.DICOM_DESTINATION_TOKENS)


def destinations_of(entries: Iterable[str], tokens: Iterable[str]) -> Mapping[str, Destination]:
    """The destinations of entries as NAME=ADDRESS, and of tokens as NAME=HEADER. Raises DestinationError."""
    secrets = _secrets(tokens)
    found: dict[str, Destination] = {}
    for entry in entries:
        name, _, address = (part.strip() for part in entry.partition("="))
        if not _NAME.fullmatch(name):
            raise DestinationError(
                f"DICOM_DESTINATIONS: a name has 1 to 32 small letters, digits and hyphens. {_WANTED}"
            )
        if name in found:
            raise DestinationError(f"DICOM_DESTINATIONS names {name} twice.")
        found[name] = _destination(name, address, secrets.get(name, ""))
    if unknown := sorted(secrets.keys() - found.keys()):
        raise DestinationError(
            f"DICOM_DESTINATION_TOKENS has a token for {', '.join(unknown)}, which DICOM_DESTINATIONS lacks."
        )
    if unused := sorted(name for name in secrets if found[name].kind == "cstore"):
        raise DestinationError(
            f"DICOM_DESTINATION_TOKENS: {', '.join(unused)} is reached by C-STORE, which has no tokens."
        )
    return found


def tls_context() -> ssl.SSLContext:
    """TLS towards all destinations: certificates are checked, against a CA of the settings or the system's.

    Raises DestinationError.
    """
    context = ssl.create_default_context()
    try:
        if settings.DICOM_DESTINATION_CA:
            context = ssl.create_default_context(cafile=settings.DICOM_DESTINATION_CA)
        if settings.DICOM_DESTINATION_CERTIFICATE:
            context.load_cert_chain(
                settings.DICOM_DESTINATION_CERTIFICATE, settings.DICOM_DESTINATION_KEY or None
            )
    except OSError as error:
        raise DestinationError(
            "DICOM_DESTINATION_CA, DICOM_DESTINATION_CERTIFICATE or DICOM_DESTINATION_KEY cannot be read: "
            f"{error.strerror or type(error).__name__}"
        ) from None
    return context


def _secrets(tokens: Iterable[str]) -> dict[str, str]:
    secrets: dict[str, str] = {}
    for entry in tokens:
        name, _, value = (part.strip() for part in entry.partition("="))
        if not _NAME.fullmatch(name) or not re.fullmatch(r"[!-~]+ [!-~]+", value):
            raise DestinationError(
                "DICOM_DESTINATION_TOKENS: write each as NAME=Bearer TOKEN or NAME=Basic CREDENTIALS."
            )
        secrets[name] = value
    return secrets


def _destination(name: str, address: str, secret: str) -> Destination:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        host, port, parts = "", 0, urlsplit("")
    if parts.scheme not in _PORTS or not host or not port or parts.query or parts.fragment or parts.password:
        raise DestinationError(f"DICOM_DESTINATIONS: the address of {name} cannot be used. {_WANTED}")
    title = parts.username or ""
    if parts.scheme in ("https", "http"):
        if title:
            raise DestinationError(
                f"DICOM_DESTINATIONS: {name} has an account in its address. Put it into "
                f"DICOM_DESTINATION_TOKENS, as {name}=Basic CREDENTIALS."
            )
        path = parts.path.rstrip("/")
        return Destination(name, "stow", host, port, parts.scheme == "https", path=path, authorisation=secret)
    if not 1 <= len(title) <= _LONGEST_TITLE or parts.path.strip("/"):
        raise DestinationError(
            f"DICOM_DESTINATIONS: {name} needs an AE title of 1 to 16 letters, and no path. {_WANTED}"
        )
    return Destination(name, "cstore", host, port, parts.scheme == "dicoms", title=title)
