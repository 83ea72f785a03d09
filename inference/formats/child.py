"""The program that `inference.formats.guarded` starts: it decodes one file after the other.

It is given bytes and answers with pixels or a refusal; no secret of the portal is in its environment. The
kernel ends it where a file takes too long, so that it never outlives its parent by more than that: once the
parent is gone, so is its standard input.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from inference.errors import ImageError
from inference.formats import DecodedImage, Limits, read_image, read_images, wire
from inference.formats.pillow import too_much_memory

# Bytes of the file, the limits in their order, and whether all images are wanted or the only one.
REQUEST = struct.Struct(">QQQQQQQ?")
# Said before the decoding begins: who ends without it has not ended because of the file.
RECEIVED = b"\1"
# Bytes of the JSON that follows; the pixels follow that.
ANSWER = struct.Struct(">I")


def main(processor_seconds: float, seconds: float, memory: int) -> None:
    """Answer until the standard input ends. Time is for one image, memory what a file may take over none."""
    _limit(memory)
    requests, answers = _own_pipes()
    while len(head := requests.read(REQUEST.size)) == REQUEST.size:
        size, *limits, all_of_them = REQUEST.unpack(head)
        data = requests.read(size)
        answers.write(RECEIVED)
        answers.flush()
        images = _images(data, Limits(*limits), all_of_them)
        del data
        is_over = False
        while not is_over:
            # Nobody listens to these signals: they end the process also inside of a decoder.
            signal.setitimer(signal.ITIMER_PROF, processor_seconds)
            signal.setitimer(signal.ITIMER_REAL, seconds)
            answer, pixels, is_over = _next_answer(images)
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
            answers.write(ANSWER.pack(len(answer)) + answer)
            answers.write(pixels)
            answers.flush()
            del pixels
        del images


def _limit(memory: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):  # where the system has no /proc, or no such limit
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Both ends under numbers that nothing else writes to: a library may print."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    return requests, answers


def _images(data: bytes, limits: Limits, all_of_them: bool) -> Iterator[DecodedImage]:
    if all_of_them:
        yield from read_images(data, limits)
    else:
        yield read_image(data, limits)


def _next_answer(images: Iterator[DecodedImage]) -> tuple[bytes, memoryview, bool]:
    """What is said of the next image, its pixels, and whether nothing comes after it."""
    try:
        image = next(images, None)
    except ImageError as error:
        return _refusal(error), memoryview(b""), True
    except MemoryError:
        return _refusal(too_much_memory()), memoryview(b""), True
    if image is None:
        return json.dumps({"end": True}).encode(), memoryview(b""), True
    # Turned pictures of one row's length lie in memory as they were stored.
    pixels = np.ascontiguousarray(image.pixels).data.cast("B")
    return json.dumps({"image": wire.told(image)}).encode(), pixels, False


def _refusal(error: ImageError) -> bytes:
    return json.dumps({"refusal": [error.code, error.template, error.retryable, error.facts]}).encode()


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
