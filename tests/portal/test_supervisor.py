"""The supervisor of `make run`, with processes of a line each."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal.standalone import children
from portal.standalone.children import LogPrinter, Supervisor

SLEEPS = "import time; time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); {SLEEPS}"
# Waits until the file of its second argument has two letters.
AFTER = "q = pathlib.Path(sys.argv[2]); exec('while not (q.exists() and len(q.read_text()) == 2): pass');"
NOTES_ITS_END = """
import pathlib, signal, sys, time
def end(*signalled):
    pathlib.Path(sys.argv[1]).open("a").write(sys.argv[2])
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
time.sleep(60)
"""
NOTES = "import pathlib, sys; p = pathlib.Path(sys.argv[1]); p.open('a').write('x');"


@pytest.fixture(autouse=True)
def handlers_of_this_process():
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    monkeypatch.setattr(children, "PAUSES", (0, 0.05, 0.05))
    with contextlib.closing(LogPrinter(tmp_path / "log")) as printer:
        yield Supervisor(printer)


def add(supervisor: Supervisor, name: str, code: str, *arguments: object) -> None:
    supervisor.add_process(name, [sys.executable, "-S", "-c", code, *map(str, arguments)], env=os.environ)


def interrupt_when(holds: Callable[[], bool]) -> threading.Thread:
    """Send SIGINT to this process once `holds`, or after a while."""

    def watch() -> None:
        deadline = time.monotonic() + 30
        while not holds() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def pids_in(log: Path) -> list[int]:
    lines = log.read_text().splitlines()
    return [int(line.partition("pid=")[2].rstrip(")")) for line in lines if "pid=" in line]


def test_process_that_ends_by_itself_ends_the_others_and_is_named(supervisor: Supervisor) -> None:
    add(supervisor, "web", SLEEPS)
    add(supervisor, "analysis", "pass")
    supervisor.loop()
    assert supervisor.stopped_first == "analysis"


def test_process_that_is_revived_is_started_again_and_the_others_stay(
    supervisor: Supervisor, tmp_path: Path, capsys
) -> None:
    noted = tmp_path / "starts"
    supervisor.revive()
    add(supervisor, "web", SLEEPS)
    add(supervisor, "analysis", f"{NOTES} sys.exit(1) if len(p.read_text()) < 4 else None; {SLEEPS}", noted)
    watching = interrupt_when(lambda: noted.exists() and len(noted.read_text()) == 4)
    supervisor.loop()
    watching.join()
    assert supervisor.stopped_first is None
    assert noted.read_text() == "xxxx"
    log = tmp_path / "log" / "supervisor.log"
    assert len(pids_in(log)) == 5
    assert log.read_text().count("analysis stopped by itself (rc=1)") == 3
    assert capsys.readouterr().out.count("The analysis process stopped by itself and is started again") == 3


def test_pause_before_another_start_grows_and_ends_when_somebody_wants_to_stop(
    supervisor: Supervisor, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(children, "PAUSES", (0, 60))
    noted = tmp_path / "starts"
    supervisor.revive()
    add(supervisor, "analysis", f"{NOTES} sys.exit(1)", noted)
    log = tmp_path / "log" / "supervisor.log"
    watching = interrupt_when(lambda: log.exists() and "again in 60 s" in log.read_text())
    began = time.monotonic()
    supervisor.loop()
    watching.join()
    assert supervisor.stopped_first is None
    assert noted.read_text() == "xx"
    assert time.monotonic() - began < 30


def test_pause_begins_anew_after_a_process_that_lasted(supervisor: Supervisor, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(children, "PAUSES", (0, 60))
    monkeypatch.setattr(children, "LASTING_SECONDS", 0)
    noted = tmp_path / "starts"
    supervisor.revive()
    add(supervisor, "analysis", f"{NOTES} sys.exit(1) if len(p.read_text()) < 3 else None; {SLEEPS}", noted)
    watching = interrupt_when(lambda: noted.exists() and len(noted.read_text()) == 3)
    supervisor.loop()
    watching.join()
    assert noted.read_text() == "xxx"


def test_others_are_started_again_while_one_waits_for_its_turn(
    supervisor: Supervisor, monkeypatch, tmp_path
) -> None:
    monkeypatch.setattr(children, "PAUSES", (0, 60))
    noted, others = tmp_path / "analysis", tmp_path / "web"
    supervisor.revive()
    add(supervisor, "analysis", f"{NOTES} sys.exit(1)", noted)
    add(
        supervisor,
        "web",
        f"{NOTES} {AFTER} sys.exit(1) if len(p.read_text()) < 2 else None; {SLEEPS}",
        others,
        noted,
    )
    watching = interrupt_when(lambda: others.exists() and len(others.read_text()) == 2)
    supervisor.loop()
    watching.join()
    assert supervisor.stopped_first is None
    assert (noted.read_text(), others.read_text()) == ("xx", "xx")


def test_process_that_ends_after_every_start_is_given_up_with_its_number(
    supervisor: Supervisor, tmp_path: Path, capsys
) -> None:
    noted = tmp_path / "starts"
    supervisor.revive()
    add(supervisor, "web", SLEEPS)
    add(supervisor, "analysis", f"{NOTES} sys.exit(1)", noted)
    supervisor.loop()
    assert supervisor.stopped_first == "analysis"
    assert (supervisor.deaths("analysis"), noted.read_text()) == (4, "xxxx")
    assert capsys.readouterr().out.count("is started again") == 3


def test_process_is_given_up_after_five_more_starts() -> None:
    assert len(children.PAUSES) == 5


def test_process_that_serves_others_ends_after_them(supervisor: Supervisor, tmp_path: Path) -> None:
    order = tmp_path / "order"
    for name in ("broker", "web"):
        command = [sys.executable, "-S", "-c", NOTES_ITS_END, str(order), f"{name} "]
        supervisor.add_process(name, command, env=os.environ, serves_others=name == "broker")
    logs = [tmp_path / "log" / f"{name}.log" for name in ("broker", "web")]
    watching = interrupt_when(lambda: all(log.exists() and "up" in log.read_text() for log in logs))
    supervisor.loop()
    watching.join()
    assert order.read_text() == "web broker "


def test_process_that_does_not_listen_is_waited_for_in_words_and_then_killed(
    supervisor: Supervisor, monkeypatch, capsys, tmp_path
) -> None:
    monkeypatch.setattr(children, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(children, "KILL_SECONDS", 0.5)
    add(supervisor, "web", STUBBORN)
    log = tmp_path / "log" / "web.log"
    watching = interrupt_when(lambda: log.exists() and "up" in log.read_text())
    supervisor.loop()
    watching.join()
    assert "waiting for web, 0.5 s at the most" in capsys.readouterr().out
    assert "web stopped (rc=-9)" in (tmp_path / "log" / "supervisor.log").read_text()
