"""What is wrong with the destinations, said when the portal is set up not with the first case that goes."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from cases.exchange.destinations import DestinationError, destinations


@register
def check_destinations(**_options: Any) -> list[CheckMessage]:
    """Each destination of the settings can be used. Files of certificates are the sending service's alone."""
    try:
        destinations()
    except DestinationError as error:
        return [Error(str(error), id="exchange.E001")]
    return []
