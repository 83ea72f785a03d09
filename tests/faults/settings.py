"""The portal as it is shipped, but for a store that can be full."""

from portal.settings.base import *  # noqa: F403
from portal.settings.base import STORAGES

API_RATE = API_UPLOAD_RATE = None
STORAGES = STORAGES | {"default": STORAGES["default"] | {"BACKEND": "tests.faults.storage.FillableStorage"}}
