"""The door that uploads take, with limits that make a slow, large or deadly file a finding."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.files.base import ContentFile

from cases.intake.archives import Unpacked
from cases.intake.receipts import Given, Receipt
from inference.errors import ImageError
from inference.formats import DecodedImage, Limits, guarded, wire
from inference.formats.guarded import DecodingPool, Guard
from inference.formats.pillow import too_much_memory

SLOW_SECONDS = 2.0
MEMORY = 200 * 2**20
# Larger pictures are read one at a time and may take more: tests/inference/test_guarded.py holds that.
LIMITS = Limits(max_pixels=4_000_000)
# GDCM ends its process on some damaged files, which is why it has one; nothing else decodes these for us
# (docs/dependencies.md). The guard makes a refusal of it, as of every death.
CONTAINED = {"crash": ("dicom JPEGLossless", "dicom JPEGLosslessSV1")}
FINDINGS = ("no words", "memory", "hang", "crash", "exception")
SEVERITY = ("read", "refused", "contained", *FINDINGS)
# What the guard says of a process that ended over a file, with the finding that this is.
DEATHS = {
    guarded._failed().template: "crash",
    too_much_memory().template: "memory",
}


class Door:
    """Decodes files as uploads are, and tells of each what it came to."""

    def __init__(self) -> None:
        self._pool = DecodingPool(
            Guard(processes=1, processor_seconds=SLOW_SECONDS, seconds=60, memory=MEMORY)
        )

    def outcome(self, data: bytes) -> tuple[str, str]:
        """What kind of answer it was, and more of it: `read`, `refused` or a finding."""
        try:
            answers = [self._answer(given) for given in Unpacked([("file", ContentFile(data))])]
        except Exception:  # noqa: BLE001 - that there is none is what is asked
            return "exception", traceback.format_exc()
        # Of an archive, the answer that is furthest from what it should be.
        return max(answers, key=lambda answer: SEVERITY.index(answer[0]))

    def _answer(self, given: Given) -> tuple[str, str]:
        if isinstance(given, Receipt):
            return "refused", given.code
        try:
            for image in self._pool.read_all(given.read(), LIMITS):
                _check(image)
        except ImageError as error:
            return _judged(error)
        return "read", ""

    def close(self) -> None:
        self._pool.close()


@contextmanager
def opened() -> Iterator[Door]:
    door = Door()
    try:
        yield door
    finally:
        door.close()


def is_contained(kind: str, outcome: str) -> bool:
    """Whether a damaged file of that kind may end so, since it is known to, and goes no further."""
    return kind in CONTAINED.get(outcome, ())


def _check(image: DecodedImage) -> None:
    """What the portal does with it next: it is told in plain words and numbers."""
    json.dumps(wire.told(image), allow_nan=False)


def _judged(error: ImageError) -> tuple[str, str]:
    """A refusal in words, or what only looks like one here."""
    if error.code == "image_too_slow":
        return "hang", error.message
    if error.template in DEATHS:
        return DEATHS[error.template], error.message
    if not error.message.strip():
        return "no words", error.code
    return "refused", error.code
