"""What `make run` says when one of its processes ends: its own loop, over processes of a line each."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from portal.standalone import commands, options, watch
from portal.standalone.__main__ import _serve
from portal.standalone.errors import StandaloneError
from portal.standalone.options import Options
from portal.standalone.preflight import UnfitError

# A supervisor's pipes and logs are closed with its process; this one goes on.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

SLEEPS = "import time; time.sleep(60)"
PROCESSES = ("web", "analysis", "maintenance", "beat")


@pytest.fixture
def as_it_was() -> Iterator[None]:
    """Give this process its handlers of signals back, and close what is left open while that is forgiven."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
    gc.collect()


def left() -> list[psutil.Process]:
    """The children of this process, without the decoders that earlier tests have started."""
    return [each for each in psutil.Process().children() if "inference.formats.child" not in each.cmdline()]


def program(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def obituary(
    var: Path,
    monkeypatch: pytest.MonkeyPatch,
    broker: subprocess.Popen[bytes] | None = None,
    **codes: str,
) -> str:
    """Serve with processes that sleep, but for those whose code is given; why the serving ended."""
    programs = {name: program(codes.get(name, SLEEPS)) for name in PROCESSES}
    monkeypatch.setattr(commands, "processes", lambda _: programs)
    monkeypatch.setattr(watch, "_answering", lambda *_: set())
    chosen = Options("127.0.0.1", 8000, var, "memory://")
    with pytest.raises(StandaloneError) as caught:
        _serve(chosen, {**os.environ, "CELERY_BROKER_URL": "memory://"}, broker)
    return str(caught.value)


@pytest.mark.usefixtures("as_it_was")
@pytest.mark.parametrize("victim", ["web", "analysis"])
def test_process_that_dies_is_named_with_its_last_words_and_ends_the_rest(
    victim: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = obituary(tmp_path, monkeypatch, **{victim: "print('no memory left')"})
    assert said.startswith(f"The {victim} process stopped by itself.")
    assert said.endswith("\n    no memory left")
    assert left() == []


@pytest.mark.usefixtures("as_it_was")
def test_broker_that_dies_is_named_and_ends_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(program("pass")) as broker:
        said = obituary(tmp_path, monkeypatch, broker)
    assert said == f"The private broker stopped by itself; see {tmp_path / 'log' / 'broker.log'}."
    assert left() == []


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_port_that_is_none_is_refused_with_what_was_given(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(UnfitError) as caught:
        options.from_environment()
    assert str(caught.value) == f"PORT must be a number from 1 to 65535, not {port!r}."
