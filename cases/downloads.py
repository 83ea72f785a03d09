"""Answers that are files: how a browser is told their name."""

from __future__ import annotations

from django.utils.http import content_disposition_header


def named(name: str, *, is_shown: bool = False) -> dict[str, str]:
    """The header by which a file is kept under this name, whatever letters it has (RFC 6266, RFC 8187).

    is_shown: the browser shows it if it can.
    """
    header = content_disposition_header(not is_shown, name)
    if header is None:
        raise ValueError("a file without a name")
    return {"Content-Disposition": header}
