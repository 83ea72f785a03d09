"""Damaging files, the same way each time: a run's seed and a file's number say all."""

from __future__ import annotations

import gzip
import random
import struct
import zlib
from collections.abc import Callable, Sequence

# Where lengths, counts and offsets stand, and where most of a decoder's decisions are made.
HEAD_BYTES = 600
# Mostly one change, since what is damaged all over is refused at the first look.
CHANGES_A_FILE = (1, 1, 1, 1, 2, 2, 3, 6)
# Of lengths and counts: none, one, all bits, the ends of signed and unsigned numbers, more than there is.
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
PNG_HEAD = b"\x89PNG\r\n\x1a\n"
GZIP_HEAD = b"\x1f\x8b"

Change = Callable[[random.Random, bytearray, Sequence[bytes]], None]


def mutated(whole: Sequence[bytes], seed: int, number: int) -> tuple[int, bytes]:
    """The file of that number: which of the whole ones it was made of, and its bytes."""
    chance = random.Random(f"{seed}/{number}")
    # In turns, so that each kind has its share.
    kind = number % len(whole)
    return kind, _damaged(chance, whole[kind], whole)


def _damaged(chance: random.Random, data: bytes, whole: Sequence[bytes]) -> bytes:
    # What is packed is mostly damaged inside: outside, the check of the packing is all that is met.
    if data.startswith(GZIP_HEAD) and chance.random() < 0.8:
        return gzip.compress(_damaged(chance, gzip.decompress(data), whole), 1, mtime=0)
    made = bytearray(data)
    for _ in range(chance.choice(CHANGES_A_FILE)):
        if made:
            chance.choice(CHANGES)(chance, made, whole)
    if data.startswith(PNG_HEAD) and chance.random() < 0.8:
        return _with_checks(bytes(made))
    return bytes(made)


def _place(chance: random.Random, made: bytearray) -> int:
    end = min(len(made), HEAD_BYTES) if chance.random() < 0.6 else len(made)
    return chance.randrange(end)


def _flip_bit(chance: random.Random, made: bytearray, _: Sequence[bytes]) -> None:
    made[_place(chance, made)] ^= 1 << chance.randrange(8)


def _set_byte(chance: random.Random, made: bytearray, _: Sequence[bytes]) -> None:
    made[_place(chance, made)] = chance.randrange(256)


def _set_number(chance: random.Random, made: bytearray, _: Sequence[bytes]) -> None:
    kind = chance.choice(("<B", "<H", ">H", "<I", ">I", "<Q"))
    size = struct.calcsize(kind)
    at = _place(chance, made)
    made[at : at + size] = struct.pack(kind, chance.choice(NUMBERS) % 2 ** (8 * size))


def _cut_off(chance: random.Random, made: bytearray, _: Sequence[bytes]) -> None:
    del made[chance.randrange(len(made)) :]


def _take_out(chance: random.Random, made: bytearray, _: Sequence[bytes]) -> None:
    at = _place(chance, made)
    del made[at : at + chance.randint(1, 64)]


def _repeat(chance: random.Random, made: bytearray, _: Sequence[bytes]) -> None:
    at = _place(chance, made)
    made[at:at] = made[at : at + chance.randint(1, 64)] * chance.randint(1, 16)


def _put_in(chance: random.Random, made: bytearray, _: Sequence[bytes]) -> None:
    at = _place(chance, made)
    made[at:at] = chance.randbytes(chance.randint(1, 32))


def _cross(chance: random.Random, made: bytearray, whole: Sequence[bytes]) -> None:
    """A piece of another file over this one."""
    other = chance.choice(whole)
    at, start = _place(chance, made), chance.randrange(len(other))
    piece = other[start : start + chance.randint(1, 256)]
    made[at : at + len(piece)] = piece


CHANGES: tuple[Change, ...] = (
    *[_flip_bit, _set_byte, _set_number] * 3,
    _cut_off,
    _take_out,
    _repeat,
    _put_in,
    _cross,
)


def _with_checks(data: bytes) -> bytes:
    """A PNG with its chunks' checks made right, so that what is in them is looked at."""
    made, at = bytearray(data), len(PNG_HEAD)
    while at + 12 <= len(made):
        end = at + 8 + int.from_bytes(made[at : at + 4], "big")
        if end + 4 > len(made):
            break
        made[end : end + 4] = zlib.crc32(made[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(made)
