"""Full disks, clocks that jump, sweeps that are two or none, and clients that mean harm."""

from __future__ import annotations

import io
import shelve
import socket
import time
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import requests

from tests.faults.fault import Fault, Told
from tests.faults.stack import Stack
from tests.faults.storage import FULL
from tests.faults.uploads import done, picture
from tests.inference.images import png_header

FULL_SECONDS = 6
SLOW_CLIENTS = 100
BOMBS = 4
HOUR = 3600


def fill_pictures(stack: Stack, cases: int) -> Told:
    return _filled(stack, cases, "images", lambda: stack.client.send(picture()).status_code == 507)


def fill_maps(stack: Stack, cases: int) -> Told:
    waits = "SELECT 1 FROM cases_job WHERE status = 'queued' AND error_code = 'disk_full'"
    return _filled(stack, cases, "maps", lambda: bool(stack.ask(waits)))


def _filled(stack: Stack, cases: int, folder: str, is_told: Callable[[], bool]) -> Told:
    full = Path(stack.folder, "media", FULL.format(folder=folder))
    full.touch()
    begun = stack.client.begin_many(cases)
    told = stack.wait_until(is_told, 30)
    time.sleep(FULL_SECONDS)
    full.unlink()
    more, seconds = stack.recovery()
    wrong = [] if told else ["nobody was told that the disk is full"]
    return Told([*done(begun), *more], seconds, wrong=wrong)


def jump_clock(stack: Stack, cases: int) -> Told:
    """What an hour back and an hour forward leave in the rows of jobs, and in beat's memory."""
    codes: list[str] = []
    worst = 0.0
    for hours in (1, -1):
        stack.analysis.kill()
        codes += stack.client.upload_many((cases + 1) // 2)
        stack.analysis.start()
        stack.wait_until(stack.at_work, 10)
        stack.analysis.kill()
        stack.maintenance.stop()
        _shift_rows(stack, hours)
        _shift_schedule(stack.folder / "celerybeat-schedule", timedelta(hours=hours))
        stack.broker.client.flushall()
        stack.analysis.start()
        stack.maintenance.start()
        more, seconds = stack.recovery()
        codes += more
        worst = max(worst, seconds)
    return Told(codes, worst)


def _shift_rows(stack: Stack, hours: int) -> None:
    stack.change(
        "UPDATE cases_job SET sent_at = sent_at + %s, lease_until = lease_until + %s "
        "WHERE status IN ('queued', 'running')",
        timedelta(hours=hours),
        timedelta(hours=hours),
    )


def _shift_schedule(path: Path, by: timedelta) -> None:
    with shelve.open(str(path), writeback=True) as kept:
        for entry in kept["entries"].values():
            entry.last_run_at += by


def two_sweeps(stack: Stack, cases: int) -> Told:
    """A second beat, and everything to be sent again, so that both have to do."""
    stack.second_beat.start()
    codes: list[str] = []
    for _ in range(2):
        begun = stack.client.begin_many((cases + 1) // 2)
        stack.wait_until(stack.at_work, 30)
        stack.analysis.kill()
        stack.broker.client.flushall()
        stack.analysis.begin()
        codes += done(begun)
    more, seconds = stack.recovery()
    stack.second_beat.kill()
    return Told(codes + more, seconds)


def no_sweep(stack: Stack, cases: int) -> Told:
    """Nobody sweeps while messages and a worker are lost; what is measured begins with the sweep."""
    stack.maintenance.kill()
    begun = stack.client.begin_many(cases)
    stack.wait_until(stack.at_work, 30)
    stack.analysis.kill()
    stack.broker.client.flushall()
    codes = list(done(begun))
    stack.analysis.begin()
    stack.maintenance.start()
    more, seconds = stack.recovery()
    return Told(codes + more, seconds)


def slow_clients(stack: Stack, cases: int) -> Told:
    """Connections that send a byte now and then, while others upload."""
    place = urlsplit(stack.address)
    slow = [socket.create_connection((place.hostname, place.port)) for _ in range(SLOW_CLIENTS)]
    for each in slow:
        each.sendall(b"POST /api/v1/uploads/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
    codes = []
    began = time.monotonic()
    for _ in range(cases):
        for each in slow:
            _drip(each)
        codes.append(stack.client.upload())
    more, _ = stack.recovery()
    seconds = time.monotonic() - began
    for each in slow:
        each.close()
    # What counts is one of them: with the others' time it is that of a queue.
    return Told(codes + more, seconds / (cases + 1))


def _drip(slow: socket.socket) -> None:
    try:
        slow.sendall(b"x")
    except OSError:  # let go, as it should be
        return


def bombs(stack: Stack, cases: int) -> Told:
    """Small files that say, or unpack to, much more are refused in words, while others upload."""
    begun = stack.client.begin_many(cases)
    wrong = []
    for data in (png_header(60000, 60000), _packed_zeros(), png_header(3900, 3900)) * BOMBS:
        answer = stack.client.send(data)
        if not _is_refused(answer):
            wrong.append(f"a bomb was answered by {answer.status_code}")
    codes = list(done(begun))
    more, seconds = stack.recovery()
    return Told(codes + more, seconds, wrong=wrong)


def _packed_zeros() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("slice.png", bytes(600 * 2**20))
    return stream.getvalue()


def _is_refused(answer: requests.Response) -> bool:
    return answer.status_code == 422 and all(
        receipt["outcome"] == "refused" and receipt["message"] for receipt in answer.json()["receipts"]
    )


FAULTS = (
    Fault("pictures-full", "no room for pictures for a while", fill_pictures),
    Fault("maps-full", "no room for heat maps for a while", fill_maps),
    Fault("clock-jumps", "what a clock leaves that goes an hour back, then an hour forward", jump_clock),
    Fault("two-sweeps", "a second beat, while messages and workers are lost", two_sweeps),
    Fault("no-sweep", "no beat while messages and workers are lost, and then one", no_sweep),
    Fault("slow-clients", f"{SLOW_CLIENTS} connections that send a byte now and then", slow_clients),
    Fault("bombs", "files that unpack to gigabytes", bombs),
)
