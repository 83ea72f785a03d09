"""For tests that send over DICOM's own protocol."""

from __future__ import annotations

import pytest
from pynetdicom.transport import AssociationSocket


@pytest.fixture(autouse=True)
def senders_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """Senders close their sockets as the listener does; pynetdicom forgets what the peer closed first."""
    shut = AssociationSocket._shutdown_socket

    def shut_and_close(link: AssociationSocket) -> None:
        connection = link.socket
        shut(link)
        if connection:
            connection.close()

    monkeypatch.setattr(AssociationSocket, "_shutdown_socket", shut_and_close)
