from __future__ import annotations

import errno
from pathlib import Path

import pytest

from inference.files import files_below, folders_in, write_whole


def test_files_are_found_at_any_depth_and_litter_is_passed_over(tmp_path: Path) -> None:
    for name in ("b.png", "a/c.png", "a/.hidden/d.png", ".DS_Store", "Thumbs.db", "a/desktop.ini", ".git/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert files_below(tmp_path) == [tmp_path / "a/c.png", tmp_path / "b.png"]
    assert folders_in(tmp_path) == [tmp_path / "a"]


def test_hidden_folder_above_does_not_hide_its_files(tmp_path: Path) -> None:
    inside = tmp_path / ".cache" / "glioma"
    inside.mkdir(parents=True)
    (inside / "1.png").write_bytes(b"x")
    assert files_below(inside) == [inside / "1.png"]


def test_write_that_fails_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "result.json"
    write_whole(path, b"old")
    real = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        real(self, data[:1])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
