"""What lies in the data folder is for its owner alone, whoever has made it and when."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from portal.standalone import __main__ as standalone
from portal.standalone.children import LogPrinter
from portal.standalone.prepare import close_to_others

WRITTEN = (
    "secondread.sqlite3",
    "secondread.sqlite3-wal",
    "log/web.log",
    "mail/1.log",
    "media/images/ab/ab12.png",
)


def open_to_others(folder: Path) -> list[str]:
    return sorted(
        str(path.relative_to(folder))
        for path in (folder, *folder.rglob("*"))
        if path.lstat().st_mode & 0o077 and not path.is_symlink()
    )


@pytest.fixture
def var(tmp_path: Path) -> Path:
    """A data folder as a version without these rules, and a careless person, left it."""
    for name in (*WRITTEN, "media/maps/ab/ab12.npz", "run/lock", "static/css/base.css", "models/own.json"):
        path = tmp_path / "var" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        path.chmod(0o664)
    for folder in (tmp_path / "var", *(tmp_path / "var").rglob("*/")):
        folder.chmod(0o775)
    return tmp_path / "var"


def test_what_an_earlier_version_left_open_is_closed(var: Path) -> None:
    assert len(open_to_others(var)) > len(WRITTEN)
    close_to_others(var)
    assert open_to_others(var) == []
    assert stat.S_IMODE((var / "secondread.sqlite3").stat().st_mode) == 0o600
    assert stat.S_IMODE((var / "media/images").stat().st_mode) == 0o700


def test_what_a_link_leads_to_is_left_alone(var: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "shared.json"
    elsewhere.write_text("{}")
    elsewhere.chmod(0o644)
    (var / "models/shared.json").symlink_to(elsewhere)
    (var / "models/gone.json").symlink_to(tmp_path / "nowhere")
    close_to_others(var)
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o644


def test_supervisor_makes_private_what_is_there_and_what_comes(var: Path, monkeypatch) -> None:
    """Up to the broker, which is not started here: all that is made after it inherits the mask."""

    class Reached(Exception):
        pass

    def broker(*_started: object) -> None:
        printer = LogPrinter(var / "log")
        printer.write("analysis", "a line")
        printer._handler("analysis").close()
        (var / "new").mkdir()
        (var / "new" / "secondread.sqlite3").touch()
        raise Reached

    monkeypatch.setenv("SECONDREAD_VAR", str(var))
    monkeypatch.setattr("sys.argv", ["portal.standalone"])
    monkeypatch.setattr(standalone.signal, "signal", lambda *_: None)
    monkeypatch.setattr(standalone.olddata, "check", lambda _: None)
    monkeypatch.setattr(standalone.preflight, "check_port", lambda *_: None)
    monkeypatch.setattr(standalone, "_broker", broker)
    before = os.umask(0o022)
    try:
        with pytest.raises(Reached):
            standalone.main()
    finally:
        os.umask(before)
    assert (var / "log/analysis.log").is_file()
    assert open_to_others(var) == []
