"""`make faults` in small: what it prints and how it ends, without breaking anything."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.faults import __main__ as faults
from tests.faults.fault import Fault, Told, measured
from tests.faults.portal import Portal
from tests.faults.stack import ROOT
from tests.faults.table import HEADS, Row, table
from tests.faults.uploads import LostError
from tests.support import tcp_proxy

WELL = Row("hang", 20, 19, 1, 2, lost=0, doubled=0, seconds=11.26)
PATIENCE = 30


def changed(**values: object) -> Row:
    return Row(**{**WELL.__dict__, **values})


def test_table_has_a_line_a_fault_and_ends_with_it_where_all_is_well() -> None:
    assert table([WELL, changed(fault="worker-parent", cases_in=200)]).splitlines() == [
        "| fault         | cases in | results | in words | tried again | lost | doubled | seconds | aim |",
        "| ------------- | -------: | ------: | -------: | ----------: | ---: | ------: | ------: | --: |",
        "| hang          |       20 |      19 |        1 |           2 |    0 |       0 |    11.3 |  15 |",
        "| worker-parent |      200 |      19 |        1 |           2 |    0 |       0 |    11.3 |  15 |",
    ]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"lost": 1}, "1 lost"),
        ({"doubled": 2}, "2 doubled"),
        ({"seconds": 15.1}, "15.1 s, which is over its aim of 15 s"),
        ({"wrong": "no process stood still"}, "no process stood still"),
        ({"lost": 1, "seconds": 60.0}, "1 lost; 60.0 s, which is over its aim of 15 s"),
    ],
)
def test_what_is_not_well_is_said_below_the_table(values, reason) -> None:
    row = changed(**values)
    assert not row.is_well
    assert table([row]).splitlines()[-1] == f"NOT WELL: hang: {reason}"


@pytest.mark.parametrize(("row", "status"), [(WELL, 0), (changed(lost=1), 1), (changed(seconds=16.0), 1)])
def test_exit_status_says_whether_all_is_well(row, status, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["tests.faults", "--only", "hang", "--cases", "3"])
    asked = []

    def run(chosen: list[Fault], cases: int) -> list[Row]:
        asked.append(([fault.name for fault in chosen], cases))
        return [row]

    monkeypatch.setattr(faults, "_run", run)
    monkeypatch.setattr(faults.signal, "signal", lambda *_: None)
    assert faults.main() == status
    assert asked == [(["hang"], 3)]
    assert "| hang " in capsys.readouterr().out


def test_fault_that_there_is_not_is_refused_with_those_that_there_are(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["tests.faults", "--only", "earthquake"])
    with pytest.raises(SystemExit) as ended:
        faults.main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "no such fault: earthquake; there are worker-child, worker-parent, " in said


def test_every_fault_has_a_name_of_its_own_and_words() -> None:
    names = [fault.name for fault in faults.FAULTS]
    assert len(set(names)) == len(names)
    assert all(fault.words for fault in faults.FAULTS)


def test_every_fault_stands_in_the_table_of_the_docs() -> None:
    lines = (ROOT / "docs" / "faults.md").read_text("utf-8").splitlines()
    columns = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")
    ]
    of_faults = [cells[0] for cells in columns if len(cells) == len(HEADS) and cells[-1].isdigit()]
    assert of_faults == [fault.name for fault in faults.FAULTS]


class Counted(Portal):
    """A portal of which only the figures are known."""

    def __init__(self, cases: list[int], figures: tuple[int, int, int], failed: int) -> None:
        self.counts = iter(cases)
        self.figures, self.failed = figures, failed

    def cases(self) -> int:
        return next(self.counts)

    def ask(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        if "FILTER" in statement:
            assert statement.count("%s") == len(values)
            return [self.figures]
        return [(self.failed,)] if "failed" in statement else []


@pytest.mark.parametrize(
    ("after", "figures", "failed", "lost", "doubled"),
    [
        (13, (3, 3, 1), 0, 0, 0),
        (13, (2, 2, 1), 1, 0, 0),
        (13, (1, 1, 1), 2, 1, 0),
        (13, (2, 2, 0), 0, 1, 0),
        (14, (3, 3, 0), 0, 0, 1),
        (13, (3, 4, 0), 0, 0, 1),
    ],
    ids=["all", "one in words as it should", "one more than should", "one lost", "a case", "a result"],
)
def test_lost_and_doubled_are_counted_by_what_was_confirmed(after, figures, failed, lost, doubled) -> None:
    told = Told(["A", "B", "C"], 2.0, ends_in_words=1)
    row = measured(Fault("f", "words", lambda *_: told), Counted([10, after], figures, failed), 3)
    assert (row.cases_in, row.lost, row.doubled, row.seconds) == (3, lost, doubled, 2.0)


def test_poison_that_nobody_died_of_is_told_of() -> None:
    told = Told(["A"], 2.0, ends_in_words=1)
    row = measured(Fault("f", "words", lambda *_: told), Counted([10, 11], (1, 1, 0), 0), 1)
    assert (row.lost, row.wrong) == (0, "1 should have failed in words, 0 did")


def test_upload_that_was_never_confirmed_is_lost() -> None:
    told = Told(["A", "", "B", "C"], 2.0)
    row = measured(Fault("f", "words", lambda *_: told), Counted([10, 13], (3, 3, 0), 0), 4)
    assert (row.cases_in, row.results, row.lost, row.doubled) == (4, 3, 1, 0)


def test_portal_that_takes_nothing_in_any_more_is_told_of() -> None:
    def never(*_: object) -> Told:
        raise LostError("ConnectionError")

    row = measured(Fault("f", "words", never), Counted([10, 10], (0, 0, 0), 0), 4)
    assert (row.cases_in, row.lost, row.is_well) == (1, 1, False)
    assert row.wrong == "an upload was never confirmed: ConnectionError"


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that says again what it is told."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_echo, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]


def _echo(listener: socket.socket) -> None:
    """Until it is closed, or whoever asks is gone."""
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection:
                while piece := connection.recv(100):
                    connection.sendall(piece)


def test_line_that_is_cut_ends_and_refuses_until_it_is_mended(echo: int) -> None:
    with tcp_proxy.proxying(echo) as line:
        place = ("127.0.0.1", line.port)
        with closing(socket.create_connection(place, PATIENCE)) as before:
            before.sendall(b"one")
            assert before.recv(100) == b"one"
            line.cut()
            assert before.recv(100) == b""
        with closing(socket.create_connection(place, PATIENCE)) as meanwhile:
            assert ends(meanwhile)
        line.mend()
        with closing(socket.create_connection(place, PATIENCE)) as after:
            after.sendall(b"two")
            assert after.recv(100) == b"two"


def ends(connection: socket.socket) -> bool:
    """Whether the other side has ended it, however that arrives."""
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True
