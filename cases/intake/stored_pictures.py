"""Pictures in the storage that are no image's yet, and what becomes of them where they never are."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from cases import storage
from cases.models import Image

if TYPE_CHECKING:
    from cases.intake.judging import StoredPicture


class WaitingPictures:
    """The stored pictures that arrivals of this process still wait with: the end of one must not take from
    another what both were sent, as happens where a sender gives up and begins again.
    """

    def __init__(self) -> None:
        self._names: Counter[str] = Counter()
        self._lock = threading.Lock()

    def hold(self, pictures: Iterable[StoredPicture]) -> None:
        with self._lock:
            self._names.update(picture.fields["file"] for picture in pictures)

    def let_go(self, pictures: Iterable[StoredPicture]) -> None:
        with self._lock:
            self._names -= Counter(picture.fields["file"] for picture in pictures)

    def __contains__(self, name: str) -> bool:
        with self._lock:
            return name in self._names


waiting_pictures = WaitingPictures()


def picture_name(picture: bytes) -> str:
    """The name that a canonical PNG is stored under: of the same pixels the same."""
    return storage.content_name("images", picture, ".png")


def erase_unused(names: Iterable[str]) -> int:
    """Erase the stored pictures that no image has, and no arrival waits with; return how many others have."""
    kept = 0
    for name in set(names):
        if name in waiting_pictures or Image.objects.filter(file=name).exists():
            kept += 1
        else:
            storage.erase(name)
    return kept
