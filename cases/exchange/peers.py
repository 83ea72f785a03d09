"""Who may send over DICOM: AE titles, with the cohort that each feeds, and networks, as the settings say."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from django.contrib.auth import get_user_model

from cases.models import Cohort

if TYPE_CHECKING:
    from portal.accounts.models import User

Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"

_LONGEST_TITLE = 16  # PS3.5, table 6.2-1


class PeerError(Exception):
    """A setting that cannot be used; the message says what to write instead."""


@dataclass(frozen=True)
class Peer:
    """A calling AE title, the cohort that it feeds, and the e-mail address of the account that uploads."""

    title: str
    cohort_id: UUID
    email: str

    def account(self) -> User:
        """The account, as it is now. Raises PeerError where it is gone or closed."""
        found = get_user_model().objects.filter(email=self.email.lower(), is_active=True).first()
        if found is None:
            raise PeerError(f"DICOM_PEERS: {self.title} uploads as {self.email}, who has no open account.")
        return found

    def cohort(self) -> Cohort:
        """The cohort. Raises PeerError where there is none."""
        found = Cohort.objects.filter(pk=self.cohort_id).first()
        if found is None:
            raise PeerError(f"DICOM_PEERS: there is no cohort {self.cohort_id}, which {self.title} feeds.")
        return found


def peers_of(entries: Iterable[str]) -> Mapping[str, Peer]:
    """The peers by their AE titles, from entries as TITLE=COHORT-ID=EMAIL. Raises PeerError."""
    peers: dict[str, Peer] = {}
    for entry in entries:
        peer = _peer(entry)
        if peer.title in peers:
            raise PeerError(f"DICOM_PEERS names the AE title {peer.title} twice.")
        peers[peer.title] = peer
    return peers


def _peer(entry: str) -> Peer:
    wanted = "Write each as AE-TITLE=COHORT-ID=E-MAIL."
    try:
        title, cohort, email = (part.strip() for part in entry.split("="))
    except ValueError:
        raise PeerError(f"DICOM_PEERS: “{entry}” has not three parts. {wanted}") from None
    if not 1 <= len(title) <= _LONGEST_TITLE or not (title.isascii() and title.isprintable()):
        raise PeerError(f"DICOM_PEERS: “{title}” is no AE title, which has 1 to 16 letters. {wanted}")
    try:
        return Peer(title, UUID(cohort), email)
    except ValueError:
        raise PeerError(f"DICOM_PEERS: “{cohort}” is no id of a cohort. {wanted}") from None


def networks_of(entries: Iterable[str]) -> tuple[Network, ...]:
    """The networks from which peers may come. Raises PeerError."""
    try:
        return tuple(ipaddress.ip_network(entry.strip()) for entry in entries)
    except ValueError as error:
        raise PeerError(
            f"DICOM_PEER_NETWORKS: {error}. Write addresses or networks, as 10.20.0.0/16."
        ) from None


def is_from(address: Any, networks: Iterable[Network]) -> bool:
    """Whether an address is in one of the networks."""
    found = ipaddress.ip_address(address)
    plain = getattr(found, "ipv4_mapped", None) or found
    return any(plain in network for network in networks)
