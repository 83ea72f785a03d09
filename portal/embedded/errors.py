"""What keeps the embedded portal from running, in words for the person at the terminal."""

from portal.embedded.preflight import UnfitError


class EmbeddedError(UnfitError):
    """The portal cannot start or go on; the message says why and what to do."""
