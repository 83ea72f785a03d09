"""Somebody who uploads, and tries again until the portal says that it has the picture."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count

import numpy as np
import requests

from tests.faults.prepare import COHORT
from tests.inference.images import png_of, slice_like

AT_ONCE = 4
GIVE_UP_SECONDS = 120
PAUSE_SECONDS = 0.1
_numbers = count(1)
_lock = threading.Lock()


class LostError(Exception):
    """An upload that was never confirmed."""


def picture() -> bytes:
    """One that no other upload of this run has."""
    with _lock:
        number = next(_numbers)
    return png_of(slice_like(96, 80, seed=number).astype(np.uint8))


class Client:
    """Uploads to a portal by token."""

    def __init__(self, address: str, token: str) -> None:
        self._url = f"{address}/api/v1/uploads/"
        self._headers = {"Authorization": f"Token {token}"}

    def send(self, data: bytes) -> requests.Response:
        """One try."""
        return requests.post(
            self._url,
            headers=self._headers,
            data={"cohort": COHORT},
            files={"file": ("slice.png", data)},
            timeout=30,
        )

    def upload(self, data: bytes | None = None) -> str:
        """The code of the picture's case, as often as the portal has to be asked. Raises LostError."""
        data = picture() if data is None else data
        deadline = time.monotonic() + GIVE_UP_SECONDS
        last = ""
        while time.monotonic() < deadline:
            try:
                answer = self.send(data)
            except requests.RequestException as error:
                last = type(error).__name__
            else:
                # A second try finds what the first one left, if only its answer was lost.
                if answer.ok and (code := answer.json()["receipts"][0]["case"]):
                    return str(code)
                last = f"{answer.status_code} {answer.text[:200]}"
            time.sleep(PAUSE_SECONDS)
        raise LostError(last)

    def upload_many(self, cases: int) -> list[str]:
        """The codes of so many new cases, several at once."""
        return list(done(self.begin_many(cases)))

    def begin_many(self, cases: int) -> list[Future[str]]:
        """As `upload_many`, while the caller does something else."""
        pool = ThreadPoolExecutor(AT_ONCE)
        begun = [pool.submit(self.upload) for _ in range(cases)]
        pool.shutdown(wait=False)
        return begun


def done(begun: list[Future[str]]) -> Iterator[str]:
    """The codes of those that were begun; empty for one that was never confirmed."""
    for each in begun:
        try:
            yield each.result()
        except LostError:
            yield ""
