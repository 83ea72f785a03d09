"""`manage.py dicom_listener`: takes DICOM instances in from scanners and archives (C-STORE)."""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from pydicom import config
from pynetdicom import _config

from cases.exchange.listener import listener
from cases.exchange.peers import PeerError

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Receive DICOM instances by C-STORE from the peers that DICOM_PEERS and DICOM_PEER_NETWORKS allow, "
        "until it is told to end. The instances of one association are grouped into series; each is a case."
    )

    def handle(self, **options: Any) -> None:
        """Listen until SIGTERM or SIGINT."""
        be_discreet()
        try:
            server = listener()
        except PeerError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            where = f"{settings.DICOM_HOST}:{settings.DICOM_PORT}"
            raise CommandError(f"Cannot listen at {where}: {error.strerror}.") from error
        ended = threading.Event()
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: ended.set())
        threading.Thread(target=server.serve_forever, daemon=True).start()
        logger.info("Listening as %s at port %d", settings.DICOM_AE_TITLE, server.server_address[1])
        ended.wait()
        server.stop()


def be_discreet() -> None:
    """Keep out of this process's output what libraries say of what peers sent: warnings, and errors that no
    code of ours caught, quote it.
    """
    warnings.simplefilter("ignore")
    config.settings.reading_validation_mode = config.IGNORE
    _config.LOG_HANDLER_LEVEL = "none"
    threading.excepthook = lambda failure: logger.error("A thread ended: %s", failure.exc_type.__name__)
