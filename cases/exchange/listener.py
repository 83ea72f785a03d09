"""The C-STORE receiver: who may connect, how much of it is read, and what each association leads to.

pynetdicom speaks the protocol. It reads a PDU of any announced length, waits as long as single bytes come,
and shakes TLS's hands in the thread that accepts; so here each connection has bounds of its own.
"""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from socketserver import BaseServer
from typing import Any

from django.conf import settings
from django.db import close_old_connections, connections
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSTransferSyntaxes,
    RLELossless,
)
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made when it is imported
from pynetdicom.transport import AssociationServer, AssociationSocket, RequestHandler

from cases.exchange.peers import Network, Peer, PeerError, is_from, networks_of, peers_of
from cases.exchange.reception import FAILED, SUCCESS, WORDS, Reception

logger = logging.getLogger(__name__)

SYNTAXES: list[UID] = [
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    *JPEGLSTransferSyntaxes,
    *JPEG2000TransferSyntaxes,
]
# No association request is longer: 128 presentation contexts of a hundred letters each, and as many syntaxes.
_LONGEST_PDU = 2**20
# Connections that have not said yet who they are, beside the associations.
_SPARE = 10


class BoundedSocket(AssociationSocket):
    """A connection that reads no more, and for no longer, than the settings allow."""

    unanswered = 0

    def recv(self, nr_bytes: int) -> bytearray:
        """Read so many bytes. Raises OSError where they are too many or do not come."""
        longest = max(_LONGEST_PDU, settings.DICOM_MAX_PDU_BYTES)
        self.unanswered += nr_bytes
        if nr_bytes > longest or self.unanswered > 2 * settings.UPLOAD_MAX_BYTES + longest:
            raise OSError("too much")
        deadline = time.monotonic() + settings.DICOM_TIMEOUT_SECONDS
        read = bytearray()
        while len(read) < nr_bytes:
            if time.monotonic() > deadline:
                raise TimeoutError("too slow")
            piece = self.socket.recv(min(2**16, nr_bytes - len(read))) if self.socket else b""
            if not piece:
                break
            read += piece
        return read

    def _shutdown_socket(self) -> None:
        """Close the connection also where the peer was first, of which pynetdicom leaves it open."""
        connection = self.socket
        super()._shutdown_socket()
        if connection:
            connection.close()


class Handler(RequestHandler):
    """Gives each association its bounds, and ends what it brought in its own thread."""

    server: Listener

    def _create_association(self) -> Association:
        association = super()._create_association()
        # pynetdicom has no place to name the class of the socket.
        association.dul.socket.__class__ = BoundedSocket
        run = association.run

        def run_and_end() -> None:
            try:
                run()
            finally:
                self.server.end(association)

        association.run = run_and_end  # type: ignore[method-assign]
        return association


class Listener(AssociationServer):
    """Accepts from allowed networks alone, and never waits for one peer."""

    def __init__(self, *arguments: Any, setup: Setup, **options: Any) -> None:
        self.setup = setup
        self._receptions: dict[Association, Reception] = {}
        options["request_handler"] = Handler
        super().__init__(*arguments, **options)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; TLS begins in the association's own thread."""
        connection, address = self.socket.accept()  # type: ignore[union-attr]
        connection.settimeout(settings.DICOM_TIMEOUT_SECONDS)
        return connection, address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether a peer may speak at all; otherwise it is closed before a byte is read."""
        if not is_from(client_address[0], self.setup.networks):
            logger.warning("A connection from %s was refused: not in DICOM_PEER_NETWORKS", client_address[0])
            return False
        most: int = settings.DICOM_MAX_ASSOCIATIONS + _SPARE
        return len(self.active_associations) < most

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Begin the association in a thread."""
        if self.ssl_context:
            request = self.ssl_context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log that a connection failed, without the words of what came over it."""
        logger.error("A connection from %s failed", client_address[0])

    def store(self, event: evt.Event) -> Dataset:
        """Answer one C-STORE."""
        close_old_connections()
        try:
            status = self._reception_of(event.assoc).store(
                event.context.transfer_syntax, event.encoded_dataset(include_meta=False)
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the sender waits for an answer
            _log_kind("An instance", error)
            status = FAILED
        answer = Dataset()
        answer.Status = status
        if status != SUCCESS:
            answer.ErrorComment = WORDS[status]
        return answer

    def end(self, association: Association) -> None:
        """Make cases of what a released association brought, and nothing of what another one did."""
        reception = self._receptions.pop(association, None)
        try:
            if reception and association.is_released:
                reception.finish()
            elif reception:
                logger.warning("An association ended before its release; nothing of it was kept")
        except Exception as error:  # noqa: BLE001 - the thread ends here
            _log_kind("What an association brought", error)
        finally:
            if reception:
                reception.close()
            connections.close_all()

    def stop(self) -> None:
        """Accept no more, abort what is open, and wait until it has ended."""
        BaseServer.shutdown(self)
        self.server_close()
        for association in self.active_associations:
            _part_from(association)
            association.join(settings.DICOM_TIMEOUT_SECONDS)

    def _reception_of(self, association: Association) -> Reception:
        if association not in self._receptions:
            peer = self.setup.peers[association.requestor.ae_title.strip()]
            self._receptions[association] = Reception(peer)
        return self._receptions[association]


@dataclass(frozen=True)
class Setup:
    """Who may send, as the settings say."""

    peers: Mapping[str, Peer]
    networks: tuple[Network, ...]

    @classmethod
    def of_settings(cls) -> Setup:
        """Raises PeerError where nobody could send, or a setting cannot be used."""
        setup = cls(peers_of(settings.DICOM_PEERS), networks_of(settings.DICOM_PEER_NETWORKS))
        if not setup.peers or not setup.networks:
            raise PeerError(
                "Nobody may send yet: name senders in DICOM_PEERS (AE-TITLE=COHORT-ID=E-MAIL) and their "
                "addresses or networks in DICOM_PEER_NETWORKS."
            )
        for peer in setup.peers.values():
            peer.account()
            peer.cohort()
        return setup


def listener() -> Listener:
    """A listener by the settings, bound and not yet serving. Raises PeerError or OSError."""
    setup = Setup.of_settings()
    entity = AE(ae_title=settings.DICOM_AE_TITLE)
    entity.require_called_aet = True
    entity.require_calling_aet = list(setup.peers)
    entity.maximum_associations = settings.DICOM_MAX_ASSOCIATIONS
    entity.maximum_pdu_size = settings.DICOM_MAX_PDU_BYTES
    for seconds in ("acse_timeout", "dimse_timeout", "network_timeout"):
        setattr(entity, seconds, settings.DICOM_TIMEOUT_SECONDS)
    entity.add_supported_context(Verification)
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(str(context.abstract_syntax), SYNTAXES)
    server = Listener(
        entity,
        (settings.DICOM_HOST, settings.DICOM_PORT),
        settings.DICOM_AE_TITLE,
        entity.supported_contexts,
        ssl_context=_tls(),
        setup=setup,
    )
    server.bind(evt.EVT_C_STORE, server.store)
    server.bind(evt.EVT_DIMSE_SENT, _answered)
    return server


def _part_from(association: Association) -> None:
    """Abort it; a line on which nothing was asked for yet has nothing to abort, and is cut."""
    line = association.dul.socket and association.dul.socket.socket
    if association.is_established:
        association.abort(block=False)
    elif line:
        # The peer may have been first.
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
        # As when the time for a request is over.
        association.dul.to_user_queue.put(None)  # type: ignore[arg-type]


def _log_kind(what: str, error: Exception) -> None:
    """Log the kind of an error alone: its words may be those of the file."""
    logger.error("%s could not be stored: %s", what, type(error).__name__)


def _answered(event: evt.Event) -> None:
    """Count bytes and silence anew from here on: what we needed for an answer is not the peer's silence."""
    link = event.assoc.dul
    link._idle_timer.restart()  # noqa: SLF001 - there is no public way
    if isinstance(link.socket, BoundedSocket):
        link.socket.unanswered = 0


def _tls() -> ssl.SSLContext | None:
    """TLS as the settings say. Raises PeerError."""
    if not settings.DICOM_TLS_CERTIFICATE:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.DICOM_TLS_CERTIFICATE, settings.DICOM_TLS_KEY or None)
        if settings.DICOM_TLS_CA:
            context.load_verify_locations(settings.DICOM_TLS_CA)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        raise PeerError(
            f"DICOM_TLS_CERTIFICATE, DICOM_TLS_KEY or DICOM_TLS_CA cannot be read: {error.strerror or error}"
        ) from None
    return context
