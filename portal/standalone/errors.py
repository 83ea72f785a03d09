"""What keeps the standalone portal from running, in words for the person at the terminal."""

from portal.standalone.preflight import UnfitError


class StandaloneError(UnfitError):
    """The portal cannot start or go on; the message says why and what to do."""
