"""Decoding what strangers send, in a few processes of its own with limits of time and memory.

A file made for it takes minutes or gigabytes to decode, and no decoder in C can be stopped from within its
process. Here the kernel stops it, the file is refused in words, and the next file gets a new process. Of
large pictures one is decoded at a time: what they take in memory does not add up, and smaller ones pass by.

What comes back is read as plain data, never unpickled: a decoder that was taken over has no way further.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np

from inference.errors import ImageError
from inference.formats import DEFAULT_LIMITS, check_bytes, wire
from inference.formats.base import DecodedImage, Limits, Pixels
from inference.formats.child import ANSWER, RECEIVED, REQUEST
from inference.formats.pillow import too_much_memory

_TYPES: dict[str, type[np.uint8] | type[np.uint16]] = {"uint8": np.uint8, "uint16": np.uint16}
# What a decoder needs of our environment; passwords and keys are not among it.
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "VIRTUAL_ENV")
_GRACE = 5.0
# Pixels of a large picture. It takes up to 350 MB while it is decoded, one just below a quarter of that.
_LARGE = 4_000_000


@dataclass(frozen=True)
class Guard:
    """What one image may take, and in memory one file. `processor_seconds` counts work alone, so that a busy
    machine refuses nobody; `seconds` is the time on the clock after which it is over all the same. Processes
    to which nobody has given a file for `idle` seconds are ended.
    """

    processes: int = 2
    processor_seconds: float = 3.0
    seconds: float = 30.0
    memory: int = 2**30
    patience: float = 60.0
    idle: float = 60.0


class DecodingPool:
    """Processes that decode, started when first needed and kept for a while. For many threads."""

    def __init__(self, guard: Guard = Guard()) -> None:
        self.guard = guard
        self._changed = threading.Condition()
        self._large = threading.Lock()
        self._idle: list[_Child] = []
        self._busy = 0
        self._given_back = 0.0
        self._retiring: threading.Timer | None = None
        _pools.add(self)

    def read(self, data: bytes, limits: Limits = DEFAULT_LIMITS) -> DecodedImage:
        """As `inference.formats.read_image`; in addition ImageError image_too_slow, image_too_large_to_read
        and decoders_busy.
        """
        with closing(self._all(data, limits, all_of_them=False)) as images:
            (image,) = images
        return image

    def read_all(self, data: bytes, limits: Limits = DEFAULT_LIMITS) -> Generator[DecodedImage]:
        """As `inference.formats.read_images`, one image in memory at a time. Close it where it is not read to
        its end: a process waits for that.
        """
        return self._all(data, limits, all_of_them=True)

    def _all(self, data: bytes, limits: Limits, *, all_of_them: bool) -> Generator[DecodedImage]:
        check_bytes(data, limits)
        until = time.monotonic() + self.guard.patience
        try:
            # A large one is refused from its header, before anything of it is decoded.
            few = replace(limits, max_pixels=min(limits.max_pixels, _LARGE))
            yield from self._read(data, few, until, all_of_them)
        except ImageError as error:
            if error.code != "too_many_pixels" or limits.max_pixels <= _LARGE:
                raise
        else:
            return
        if not self._large.acquire(timeout=max(0.0, until - time.monotonic())):
            raise _busy()
        try:
            yield from self._read(data, limits, until, all_of_them)
        finally:
            self._large.release()

    def _read(self, data: bytes, limits: Limits, until: float, all_of_them: bool) -> Generator[DecodedImage]:
        child = self._taken(until)
        try:
            try:
                child.send(data, limits, all_of_them)
            except _Gone:  # ended while it had nothing to do
                child.close()
                child = _Child(self.guard)
                child.send(data, limits, all_of_them)
            yield from child.images(limits)
        except GeneratorExit:  # nobody takes the rest, which it would write into the next answer
            child.close()
            raise
        finally:
            self._give_back(child)

    def close(self) -> None:
        """End the processes."""
        with self._changed:
            idle, self._idle = self._idle, []
        for child in idle:
            child.close()

    def pids(self) -> list[int]:
        """Of the processes that wait for work."""
        return [child.process.pid for child in self._idle]

    def _taken(self, until: float) -> _Child:
        with self._changed:
            while self._busy >= self.guard.processes:
                if not self._changed.wait(max(0.0, until - time.monotonic())):
                    raise _busy()
            self._busy += 1
            child = self._idle.pop() if self._idle else None
        if child is not None and not child.is_over():
            return child
        try:
            if child is not None:
                child.close()
            return _Child(self.guard)
        except BaseException:
            self._give_back(None)
            raise

    def _give_back(self, child: _Child | None) -> None:
        if child is not None and child.is_over():
            child.close()
            child = None
        with self._changed:
            self._busy -= 1
            if child is not None:
                self._idle.append(child)
                self._given_back = time.monotonic()
                if self._retiring is None:
                    self._retire_in(self.guard.idle)
            self._changed.notify()

    def _retire_in(self, seconds: float) -> None:
        self._retiring = threading.Timer(seconds, self._retire)
        self._retiring.daemon = True
        self._retiring.start()

    def _retire(self) -> None:
        """End the processes, unless they have been needed meanwhile."""
        with self._changed:
            left = self._given_back + self.guard.idle - time.monotonic()
            if self._busy or left > 0:
                self._retire_in(max(left, 1.0))
                return
            self._retiring = None
        self.close()

    def forget_in_forked_process(self) -> None:
        """The processes are the parent's; here only the ends of their pipes are let go."""
        for child in self._idle:
            child.abandon()
            child.process.returncode = 0  # not ours to wait for
        self._changed, self._large = threading.Condition(), threading.Lock()
        self._idle, self._busy = [], 0
        self._retiring = None


def _busy() -> ImageError:
    return ImageError(
        "decoders_busy",
        "Too many pictures are being read at the moment. Please send this one again.",
        retryable=True,
    )


class _Gone(Exception):
    """The process had ended before it was given the file."""


class _Child:
    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        arguments = (str(guard.processor_seconds), str(guard.seconds), str(guard.memory))
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        # One thread each: those of the linear algebra that nobody here uses would count as memory.
        environment |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"}
        self.process = subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
            [sys.executable, "-m", "inference.formats.child", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            bufsize=0,
        )
        assert self.process.stdin is not None  # noqa: S101 - what PIPE means
        assert self.process.stdout is not None  # noqa: S101
        self._requests, self._answers = self.process.stdin, self.process.stdout

    def send(self, data: bytes, limits: Limits, all_of_them: bool) -> None:
        try:
            self._send(REQUEST.pack(len(data), *astuple(limits), all_of_them))
            self._send(data)
            self._received(len(RECEIVED))
        except (BrokenPipeError, EOFError) as error:
            raise _Gone from error

    def images(self, limits: Limits) -> Iterator[DecodedImage]:
        count = 0
        while (image := self._next(limits)) is not None:
            count += 1
            if count > limits.max_images:  # no answer that our program gives
                self.close()
                raise _failed()
            yield image

    def _next(self, limits: Limits) -> DecodedImage | None:
        try:
            return self._answer(limits)
        except EOFError as error:
            raise self._reason() from error
        except (KeyError, TypeError, ValueError) as error:  # no answer that our program gives
            self.close()
            raise _failed() from error

    def is_over(self) -> bool:
        return self.process.poll() is not None

    def close(self) -> None:
        self.process.kill()
        self.abandon()
        self.process.wait()

    def abandon(self) -> None:
        self._requests.close()
        self._answers.close()

    def _send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._requests.write(rest) :]

    def _answer(self, limits: Limits) -> DecodedImage | None:
        poll = select.poll()
        poll.register(self._answers, select.POLLIN)
        if not poll.poll((self._guard.seconds + _GRACE) * 1000):
            raise EOFError
        told: dict[str, Any] = json.loads(self._received(ANSWER.unpack(self._received(ANSWER.size))[0]))
        if "refusal" in told:
            code, sentence, is_retryable, facts = told["refusal"]
            raise ImageError(code, sentence, retryable=is_retryable, **facts)
        if "end" in told:
            return None
        image = told["image"]
        return wire.image_of(image, self._pixels(image, limits))

    def _pixels(self, image: dict[str, Any], limits: Limits) -> Pixels:
        height, width, *channels = image["shape"]
        if height * width > limits.max_pixels or channels not in ([], [3]):
            raise EOFError
        pixels: Pixels = np.empty((height, width, *channels), _TYPES[image["dtype"]])
        self._receive(pixels.data.cast("B"))
        return pixels

    def _received(self, size: int) -> bytearray:
        content = bytearray(size)
        self._receive(memoryview(content))
        return content

    def _receive(self, rest: memoryview) -> None:
        while rest:
            count = self._answers.readinto(rest)  # type: ignore[attr-defined]
            if not count:
                raise EOFError
            rest = rest[count:]

    def _reason(self) -> ImageError:
        """Why it ended, as the kernel tells it."""
        try:
            ended_by = -self.process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            ended_by = signal.SIGALRM
        if ended_by in (signal.SIGALRM, signal.SIGPROF):
            return ImageError(
                "image_too_slow",
                "Reading the picture takes longer than is allowed. Please export it again, as a plain PNG.",
            )
        if ended_by == signal.SIGKILL:  # as the kernel does where memory is short
            return too_much_memory()
        return _failed()


def _failed() -> ImageError:
    return ImageError(
        "truncated",
        "Reading the picture failed in a way that only a damaged file explains. Please export it again.",
    )


_pools: weakref.WeakSet[DecodingPool] = weakref.WeakSet()


def _close_all() -> None:
    for pool in list(_pools):
        pool.close()


def _forget_all() -> None:
    for pool in list(_pools):
        pool.forget_in_forked_process()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_forget_all)

_pool = DecodingPool()


def read_image_guarded(data: bytes, limits: Limits = DEFAULT_LIMITS) -> DecodedImage:
    """As `inference.formats.read_image`, for files of strangers: see `DecodingPool.read`."""
    return _pool.read(data, limits)


def read_images_guarded(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Generator[DecodedImage]:
    """As `inference.formats.read_images`, for files of strangers: see `DecodingPool.read_all`."""
    return _pool.read_all(data, limits)
