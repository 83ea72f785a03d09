"""What the sender of an upload says of it: tus' Upload-Metadata."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _t

from cases.intake.forms import Grouping, volume_of

if TYPE_CHECKING:
    from cases.models import IncomingUpload

_MOST_BYTES = 4096
_SHA256 = re.compile(r"[0-9a-f]{64}")
# What clients say of themselves, which is kept and given back, and means nothing here.
_OF_CLIENTS = frozenset({"filetype", "name", "type", "relativePath"})
_KNOWN = frozenset({"cohort", "filename", "grouping", "volume", "direct", "sha256", "fingerprint"})


class NotUnderstood(ValueError):
    """What was said is not what can be said; the message says what can."""


@dataclass(frozen=True)
class Said:
    """grouping: of pictures that say nothing of a series. is_direct: to be taken in without a preview.
    sha256: of the whole, or empty. fingerprint: by which the sender knows the same files again. volume: which
    one to read of files that hold several, or 0.
    """

    metadata: str
    cohort: str = ""
    file_name: str = ""
    grouping: Grouping = Grouping.SEPARATE
    is_direct: bool = False
    sha256: str = ""
    fingerprint: str = ""
    volume: int = 0

    @property
    def is_one_case(self) -> bool:
        return self.grouping == Grouping.ONE_CASE


def packed(**values: str) -> str:
    """What `said` reads."""
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items())


def words_of_lost(upload: IncomingUpload) -> str:
    """What is said where nothing of it can be decrypted."""
    if upload.folder:
        return _t("What was noted of this import is lost. Import the folder again.")
    return _t("What had arrived of this upload is lost. Send it again.")


def words_of_unread(upload: IncomingUpload) -> str:
    """What is said where every attempt broke off."""
    if upload.folder:
        return _t("This folder could not be read to its end. Import its subfolders one by one.")
    return _t("This upload could not be read. Send it again, or tell your administrator.")


def said(metadata: str) -> Said:
    """Read what was said. Raises NotUnderstood."""
    values = _values(metadata)
    grouping = values.get("grouping", Grouping.SEPARATE)
    direct = values.get("direct", "false")
    sha256 = values.get("sha256", "").lower()
    if grouping not in Grouping.values:
        raise NotUnderstood(_t("“grouping” is one of separate, one_case."))
    try:
        volume = volume_of(values["volume"]) if values.get("volume") else 0
    except ValueError as refused:
        raise NotUnderstood(f"“volume”: {refused}") from None
    if direct not in ("true", "false"):
        raise NotUnderstood(_t("“direct” is one of true, false."))
    if sha256 and not _SHA256.fullmatch(sha256):
        raise NotUnderstood(_t("“sha256” is 64 hexadecimal digits."))
    return Said(
        metadata,
        values.get("cohort", ""),
        values.get("filename", ""),
        Grouping(grouping),
        direct == "true",
        sha256,
        values.get("fingerprint", ""),
        volume,
    )


def _values(metadata: str) -> dict[str, str]:
    values: dict[str, str] = {}
    if len(metadata) > _MOST_BYTES:
        raise NotUnderstood(_t("Upload-Metadata is longer than %(most)d bytes.") % {"most": _MOST_BYTES})
    for pair in filter(None, (part.strip() for part in metadata.split(","))):
        name, _, value = pair.partition(" ")
        if name in values or name not in _KNOWN | _OF_CLIENTS:
            message = _t("Upload-Metadata names something twice or unknown; known are %(known)s.")
            raise NotUnderstood(message % {"known": ", ".join(sorted(_KNOWN))})
        try:
            values[name] = base64.b64decode(value.strip(), validate=True).decode()
        except ValueError:  # no base64, no ASCII at all, or no UTF-8 within
            message = _t("Upload-Metadata is names and base64 of UTF-8, such as “cohort Tm9ydGg=”.")
            raise NotUnderstood(message) from None
        if not values[name].isprintable():
            raise NotUnderstood(_t("Upload-Metadata holds a character that is no text."))
    return values
