"""The wires to a hospital: the DICOM listener, webhooks, and the archives that reviewed cases are sent to."""

from __future__ import annotations

from portal.settings.env import env

# --- DICOM listener (cases/exchange/listener.py) -----------------------------------

DICOM_AE_TITLE = env.str("DICOM_AE_TITLE", default="SECONDREAD")
DICOM_HOST = env.str("DICOM_HOST", default="127.0.0.1")
DICOM_PORT = env.int("DICOM_PORT", default=11112)
# Who may send: AE title, cohort and account of each peer, and the networks that peers are in.
DICOM_PEERS: list[str] = env.list("DICOM_PEERS", default=[])
DICOM_PEER_NETWORKS: list[str] = env.list("DICOM_PEER_NETWORKS", default=[])
DICOM_TLS_CERTIFICATE = env.str("DICOM_TLS_CERTIFICATE", default="")
DICOM_TLS_KEY = env.str("DICOM_TLS_KEY", default="")
DICOM_TLS_CA = env.str("DICOM_TLS_CA", default="")
DICOM_MAX_ASSOCIATIONS = env.int("DICOM_MAX_ASSOCIATIONS", default=10)
DICOM_MAX_INSTANCES = env.int("DICOM_MAX_INSTANCES", default=5000)
DICOM_MAX_PDU_BYTES = env.int("DICOM_MAX_PDU_BYTES", default=2**17)
DICOM_TIMEOUT_SECONDS = env.int("DICOM_TIMEOUT_SECONDS", default=60)

# --- Webhooks (cases/exchange/webhooks) ------------------------------------------

# Networks inside the house that webhooks may lead to, and whether they may do so without TLS.
WEBHOOK_PRIVATE_NETWORKS: list[str] = env.list("WEBHOOK_PRIVATE_NETWORKS", default=[])
WEBHOOK_ALLOW_HTTP = env.bool("WEBHOOK_ALLOW_HTTP", default=False)
# --- Where reviewed cases are sent (cases/exchange/destinations.py) ----------------

# Archives as NAME=ADDRESS, and the Authorization header for each that wants one as NAME=Bearer TOKEN.
DICOM_DESTINATIONS: list[str] = env.list("DICOM_DESTINATIONS", default=[])
DICOM_DESTINATION_TOKENS: list[str] = env.list("DICOM_DESTINATION_TOKENS", default=[])
DICOM_DESTINATION_CA = env.str("DICOM_DESTINATION_CA", default="")
DICOM_DESTINATION_CERTIFICATE = env.str("DICOM_DESTINATION_CERTIFICATE", default="")
DICOM_DESTINATION_KEY = env.str("DICOM_DESTINATION_KEY", default="")
# Of silence; and after how long nobody tries again.
DICOM_DESTINATION_TIMEOUT_SECONDS = env.int("DICOM_DESTINATION_TIMEOUT_SECONDS", default=30)
DICOM_DESTINATION_GIVE_UP_HOURS = env.int("DICOM_DESTINATION_GIVE_UP_HOURS", default=72)
