"""Telling a DICOM file by its first bytes, also where preamble and meta group are missing."""

from __future__ import annotations

import struct

MAGIC, PREAMBLE = b"DICM", 128
# Of explicit value representations, in the first elements of a dataset.
_REPRESENTATIONS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OW PN SH SL SQ SS ST TM UI UL UN US UT".split()
)
_FIRST_GROUPS = (0x0002, 0x0008)
_LONGEST = 1024


def has_preamble(head: bytes) -> bool:
    """Whether a file is one whatever its first 128 bytes are."""
    return head[PREAMBLE : PREAMBLE + 4] == MAGIC


def is_dicom(head: bytes) -> bool:
    """Whether a file begins as one: PS3.10, 7.1, or straight with its first element."""
    if has_preamble(head) or head.startswith(MAGIC):
        return True
    return any(_begins_with_an_element(head, order) for order in "<>")


def _begins_with_an_element(head: bytes, order: str) -> bool:
    if len(head) < 12:
        return False
    group, element = struct.unpack_from(f"{order}HH", head)
    if group not in _FIRST_GROUPS or element > 0x0100:
        return False
    if head[4:6] in _REPRESENTATIONS:
        return True
    # Implicit: a length, of which little endian is the only order, then an element of the same group.
    (length,) = struct.unpack_from("<I", head, 4)
    if order == ">" or length > _LONGEST or len(head) < 12 + length:
        return False
    following = struct.unpack_from("<HH", head, 8 + length)
    return following[0] in (group, 0x0008) and following > (group, element)
