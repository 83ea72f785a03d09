"""A file made of what lies elsewhere, to be read from any place."""

from __future__ import annotations

import io
import os
from abc import abstractmethod
from typing import Any


class SeekableFile(io.RawIOBase):
    """`size` bytes of which a subclass says what stands where; the place to read from is kept here."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size, self._at = size, 0

    @abstractmethod
    def read_at(self, place: int, most: int) -> bytes | memoryview:
        """Some of the bytes from a place within the file, at least one and at most so many."""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        if begin + offset < 0:
            raise OSError("Before the beginning of the file.")
        self._at = begin + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        most = min(len(buffer), self.size - self._at)
        if most <= 0:
            return 0
        data = self.read_at(self._at, most)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
