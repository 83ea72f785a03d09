"""Decoding in processes of its own: what is too slow or too large is refused, and nobody waits for it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from inference.errors import ImageError
from inference.formats import DEFAULT_LIMITS, Limits, jpeg, read_image
from inference.formats.guarded import DecodingPool, Guard
from tests.inference.images import grey8, png_header, png_of, saved, slice_like

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodingPool]:
    made = DecodingPool()
    yield made
    made.close()


def jpeg_of_scans(count: int) -> bytes:
    """A progressive JPEG of a few kilobytes, each scan of which is decoded over 3.9 million pixels."""
    data = saved(Image.new("L", (2000, 1950), 90), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * count + b"\xff\xd9"


def refusal(pool: DecodingPool, data: bytes, limits: Limits = DEFAULT_LIMITS) -> ImageError:
    with pytest.raises(ImageError) as caught:
        pool.read(data, limits)
    return caught.value


@pytest.mark.parametrize(
    "picture",
    [
        png_of(grey8()),
        png_of(slice_like(top=65535)),
        saved(Image.fromarray(np.stack([grey8(), grey8()[::-1], grey8()], axis=-1)), "BMP"),
        saved(Image.fromarray(slice_like().astype(np.float32)), "TIFF"),
    ],
    ids=["8 bits", "16 bits", "colours", "notices"],
)
def test_picture_is_the_one_that_is_read_without_a_guard(pool, picture) -> None:
    guarded, plain = pool.read(picture), read_image(picture)
    assert np.array_equal(guarded.pixels, plain.pixels)
    assert guarded.pixels.dtype == plain.pixels.dtype
    assert (guarded.format_id, guarded.notices) == (plain.format_id, plain.notices)
    assert guarded.pixels.flags.writeable


@pytest.mark.parametrize(
    ("data", "limits"),
    [
        (b"", Limits()),
        (b"not a picture", Limits()),
        (bytes(2**20), Limits(max_bytes=100)),
        (png_header(9000, 9000), Limits()),
        (png_of(grey8()), Limits(max_pixels=1000)),
        (png_of(grey8(20, 20)), Limits()),
        (png_of(grey8())[:200], Limits()),
    ],
    ids=["empty", "no picture", "many bytes", "many pixels", "a limit of ours", "tiny", "cut"],
)
def test_refusal_is_the_one_that_is_given_without_a_guard(pool, data, limits) -> None:
    with pytest.raises(ImageError) as plain:
        read_image(data, limits)
    guarded = refusal(pool, data, limits)
    assert (guarded.code, guarded.template, guarded.facts, guarded.retryable) == (
        plain.value.code,
        plain.value.template,
        plain.value.facts,
        plain.value.retryable,
    )


def test_large_picture_is_read_too(pool) -> None:
    picture = np.zeros((2100, 2100), np.uint8)
    picture[7, 9] = 200
    assert np.array_equal(pool.read(png_of(picture)).pixels, picture)


def test_picture_that_takes_too_long_is_refused_and_others_are_read_meanwhile() -> None:
    """Of scans there are no more than may be, so that time alone speaks against it."""
    slow_data, read = jpeg_of_scans(jpeg.MAX_SCANS - 10), 0
    refused: list[str] = []
    pool = DecodingPool(Guard(processor_seconds=0.1))

    def send_slow_ones() -> None:
        refused.extend(refusal(pool, slow_data).code for _ in range(3))

    try:
        slow = threading.Thread(target=send_slow_ones)
        slow.start()
        while slow.is_alive():
            assert np.array_equal(pool.read(png_of(grey8())).pixels, grey8())
            read += 1
        slow.join()
        assert refused == ["image_too_slow"] * 3
        assert read > 3
    finally:
        pool.close()


def test_jpeg_of_thousands_of_scans_is_refused_within_seconds_however_many_send_it(pool) -> None:
    data = jpeg_of_scans(5000)
    refused: list[str] = []
    threads = [threading.Thread(target=lambda: refused.append(refusal(pool, data).code)) for _ in range(16)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    assert np.array_equal(pool.read(png_of(grey8())).pixels, grey8())
    for thread in threads:
        thread.join()
    assert refused == ["image_too_slow"] * 16
    assert time.monotonic() - begun < 20


def test_many_large_pictures_at_once_take_the_memory_of_one(pool) -> None:
    data = saved(Image.new("RGB", (4000, 4000)), "WEBP", lossless=True)
    assert len(data) < 1000
    most, read = 0, []
    threads = [threading.Thread(target=lambda: read.append(pool.read(data).pixels.shape)) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        most = max(most, memory_of_children())
        time.sleep(0.01)
    assert read == [(4000, 4000)] * 3
    assert most < 400 * 2**20


def memory_of_children() -> int:
    taken = 0
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            taken += child.memory_full_info().uss
    return taken


def test_picture_that_takes_too_much_memory_is_refused() -> None:
    pool = DecodingPool(Guard(memory=60 * 2**20))
    try:
        assert refusal(pool, saved(Image.new("L", (4000, 3900)), "TIFF")).code == "image_too_large_to_read"
        assert np.array_equal(pool.read(png_of(grey8())).pixels, grey8())
    finally:
        pool.close()


@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGTERM])
def test_process_that_was_killed_is_replaced(pool, ended_by) -> None:
    pool.read(png_of(grey8()))
    before = pool.pids()
    for pid in before:
        os.kill(pid, ended_by)
    assert np.array_equal(pool.read(png_of(grey8())).pixels, grey8())
    assert pool.pids()[-1] not in before


def test_processes_are_no_more_than_the_guard_allows(pool) -> None:
    threads = [threading.Thread(target=pool.read, args=(png_of(grey8()),)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= len(pool.pids()) <= 2


def test_processes_that_nobody_needs_are_ended_and_the_next_file_gets_new_ones() -> None:
    pool = DecodingPool(Guard(idle=0.3))
    pool.read(png_of(grey8()))
    (former,) = pool.pids()
    deadline = time.monotonic() + 20
    while pool.pids() or psutil.pid_exists(former):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    pool.read(png_of(grey8()))
    assert len(pool.pids()) == 1
    pool.close()


def test_nobody_waits_for_ever_where_all_processes_are_taken() -> None:
    pool = DecodingPool(Guard(processes=0, patience=0.05))
    error = refusal(pool, png_of(grey8()))
    assert (error.code, error.retryable) == ("decoders_busy", True)


def test_process_ends_with_its_parent_and_knows_no_secret_and_no_tensorflow() -> None:
    program = (
        "import os, signal\n"
        "from inference.formats import guarded\n"
        "from tests.inference.images import grey8, png_of\n"
        "pool = guarded.DecodingPool()\n"
        "pool.read(png_of(grey8()))\n"
        "print(*pool.pids(), flush=True)\n"
        "input()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {
        **os.environ,
        "SECRET_KEY": "nobody-may-know",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        assert "SECRET_KEY" not in child.environ()
        assert not [each.path for each in child.memory_maps() if "tensorflow" in each.path]
        parent.communicate("\n")
    assert parent.returncode == -signal.SIGKILL
    child.wait(10)
    assert not child.is_running()


def test_forked_process_leaves_the_processes_to_its_parent() -> None:
    """As gunicorn forks: each has its own, and the parent's go on."""
    program = (
        "import os, sys\n"
        "from inference.formats import guarded\n"
        "from tests.inference.images import grey8, png_of\n"
        "guarded.read_image_guarded(png_of(grey8()))\n"
        "before = guarded._pool.pids()\n"
        "forked = os.fork()\n"
        "guarded.read_image_guarded(png_of(grey8()))\n"
        "after = guarded._pool.pids()\n"
        "if not forked:\n"
        "    sys.exit(after == before)\n"
        "assert os.waitpid(forked, 0)[1] == 0\n"
        "assert after == before\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
