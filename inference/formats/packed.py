"""What is packed is measured before it is unpacked: a bomb costs the time to count it, and no memory."""

from __future__ import annotations

import zlib

from inference.errors import ImageError
from inference.formats.base import Limits

_PIECE = 2**20
# Pictures shrink to a quarter, masks to a hundredth; below this size nobody asks.
_PLAIN, _MOST_TIMES = 64 * 2**20, 200


def check_unpacked(packed: bytes, limits: Limits, *, wbits: int) -> int:
    """Return how many bytes `packed` unpacks to. Raises ImageError unpacks_to_too_much.

    wbits: as zlib.decompressobj takes them. Of several members one after the other all are counted.
    """
    most = min(limits.max_unpacked, max(_PLAIN, _MOST_TIMES * len(packed)))
    size, rest = 0, packed
    while rest:
        unpacker = zlib.decompressobj(wbits)
        while rest and not unpacker.eof:
            size += len(unpacker.decompress(rest, _PIECE))
            if size > most:
                raise ImageError(
                    "unpacks_to_too_much",
                    "The file unpacks to far more than a picture needs. Please export it again without "
                    "compression. At most %(most)s MB are accepted.",
                    most=most / 2**20,
                )
            rest = unpacker.unconsumed_tail
        if wbits < 0:
            break
        rest = unpacker.unused_data if unpacker.eof else b""
        if not rest.startswith(b"\x1f\x8b"):
            break
    return size
