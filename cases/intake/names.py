"""The order of files by their names, which are kept nowhere."""

from __future__ import annotations

from typing import Any

from natsort import natsort_keygen, ns

_by_number_and_word = natsort_keygen(alg=ns.IGNORECASE)


def natural_key(name: str) -> tuple[Any, str]:
    """A key to sort file names by as people mean it: slice2 before slice10, whatever the case of letters. Of
    names that are alike so far, the plain text decides.
    """
    return _by_number_and_word(name), name
