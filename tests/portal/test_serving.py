"""What `make run` says when one of its processes ends: its own loop, over processes of a line each."""

from __future__ import annotations

import contextlib
import gc
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from portal.standalone import children, commands, options, prepare, watch
from portal.standalone.__main__ import _serve
from portal.standalone.errors import StandaloneError
from portal.standalone.options import Options
from portal.standalone.preflight import UnfitError
from portal.standalone.watch import Watch

# A supervisor's pipes and logs are closed with its process; this one goes on.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

SLEEPS = "import time; time.sleep(60)"
ASKS_THE_BROKER = """
import socket, sys
with socket.socket(socket.AF_UNIX) as asking:
    asking.connect(sys.argv[1])
    asking.send(b"PING\\r\\n")
    print(asking.recv(9))
"""
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


def obituary(var: Path, monkeypatch: pytest.MonkeyPatch, **codes: str) -> str:
    """Serve with processes that sleep, but for those whose code is given; why the serving ended."""
    programs = {name: program(codes.get(name, SLEEPS)) for name in PROCESSES}
    monkeypatch.setattr(commands, "processes", lambda _: programs)
    monkeypatch.setattr(prepare, "prepare", lambda *_: None)
    monkeypatch.setattr(watch, "_answering", lambda *_: set())
    chosen = Options("127.0.0.1", 8000, var, "memory://")
    with pytest.raises(StandaloneError) as caught, contextlib.ExitStack() as until_the_end:
        _serve(chosen, until_the_end)
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
def test_process_that_dies_again_and_again_is_named_with_the_number_of_its_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "PAUSES", (0, 0))
    monkeypatch.setattr(Watch, "start", lambda self: self._when_ready())
    said = obituary(tmp_path, monkeypatch, maintenance="print('no memory left')")
    assert said.startswith("The maintenance process stopped 3 times in a row, and is given up.")
    assert said.endswith("\n    no memory left")
    assert left() == []


@pytest.mark.usefixtures("as_it_was")
def test_private_broker_serves_the_processes_and_ends_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = tmp_path / "run" / "valkey.sock"
    web = {"web": [*program(ASKS_THE_BROKER), str(socket)]}
    monkeypatch.setattr(commands, "processes", lambda _: web)
    monkeypatch.setattr(prepare, "prepare", lambda *_: None)
    monkeypatch.setattr(watch, "_answering", lambda *_: set())
    with pytest.raises(StandaloneError) as caught, contextlib.ExitStack() as until_the_end:
        _serve(Options("127.0.0.1", 8000, tmp_path, ""), until_the_end)
    assert str(caught.value).endswith("    b'+PONG\\r\\n'")
    assert left() == []
    assert not socket.exists()


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_port_that_is_none_is_refused_with_what_was_given(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(UnfitError) as caught:
        options.from_environment()
    assert str(caught.value) == f"PORT must be a number from 1 to 65535, not {port!r}."
