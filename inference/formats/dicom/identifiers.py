"""The identifiers in a file's meta group, for who must name an instance to the one that sent it."""

from __future__ import annotations

import struct

from inference.formats.dicom.recognition import MAGIC, PREAMBLE

# Of the meta group, which is explicit and little endian in every file (PS3.10, 7.1).
_CLASS, _INSTANCE = (0x0002, 0x0002), (0x0002, 0x0003)
_LONG = frozenset({b"OB", b"OW", b"OF", b"SQ", b"UN", b"UT"})
_LETTERS = frozenset(b"0123456789.")
_MOST = 64
# More than any meta group needs that stands before its identifiers.
HEAD_BYTES = 4096


def identifiers_of(head: bytes) -> tuple[str, str]:
    """SOP class and instance UID by the first bytes of a file; empty where they are not there."""
    found = {_CLASS: "", _INSTANCE: ""}
    if head[PREAMBLE : PREAMBLE + 4] != MAGIC:
        return "", ""
    at = PREAMBLE + 4
    while at + 12 <= len(head):
        group, element, representation, length = struct.unpack_from("<HH2sH", head, at)
        at += 8
        if group != 2:
            break
        if representation in _LONG:
            (length,) = struct.unpack_from("<I", head, at)
            at += 4
        if (group, element) in found:
            found[group, element] = _uid(head[at : at + length])
        at += length
    return found[_CLASS], found[_INSTANCE]


def _uid(value: bytes) -> str:
    plain = value.rstrip(b"\0 ")
    return plain.decode("ascii") if len(plain) <= _MOST and _LETTERS.issuperset(plain) else ""
