from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from inference.files import LeftOut, files_below, files_by_class, folders_in, readable, write_whole


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


def make(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def by_class(directory: Path) -> tuple[list[tuple[str, str]], list[str]]:
    told: list[str] = []
    found = files_by_class(directory, told.append)
    return [(path.relative_to(directory).as_posix(), label) for path, label in found], told


def test_what_systems_leave_in_and_beside_classes_is_left_out_and_told(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", "a/@eaDir/1.png/SYNOPHOTO_THUMB_M.png", "a/.DS_Store")
    make(tmp_path, "__MACOSX/glioma/._1.png", "a/x/Thumbs.db", "b/2.png", "readme.txt")
    assert by_class(tmp_path) == (
        [("a/1.png", "a"), ("b/2.png", "b")],
        [
            "Left out, hidden, or left by a system: __MACOSX, a/.DS_Store, a/@eaDir, a/x/Thumbs.db.",
            "Left out, in no folder of a class: readme.txt.",
        ],
    )


def test_many_left_out_are_counted(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", *(f"a/.{number}" for number in range(8)))
    assert by_class(tmp_path)[1] == [
        "Left out, hidden, or left by a system: a/.0, a/.1, a/.2, a/.3, a/.4 and 3 more."
    ]


def test_empty_class_is_named(tmp_path: Path) -> None:
    make(tmp_path, "glioma/1.png", "pituitary/.DS_Store")
    (tmp_path / "notumor" / "inside").mkdir(parents=True)
    assert by_class(tmp_path)[1][-1] == "Without a file: notumor, pituitary."


def test_links_to_files_folders_and_classes_are_followed(tmp_path: Path) -> None:
    data, store = tmp_path / "data", tmp_path / "store"
    make(store, "one/1.png", "two/2.png", "3.png")
    make(data, "glioma/0.png")
    (data / "glioma" / "more").symlink_to(store / "one")
    (data / "glioma" / "3.png").symlink_to(store / "3.png")
    (data / "notumor").symlink_to(store / "two")
    assert by_class(data) == (
        [
            ("glioma/0.png", "glioma"),
            ("glioma/3.png", "glioma"),
            ("glioma/more/1.png", "glioma"),
            ("notumor/2.png", "notumor"),
        ],
        [],
    )


@pytest.mark.parametrize("target", [".", "..", "../..", "b"])
def test_link_that_leads_round_or_to_what_is_listed_is_named(tmp_path: Path, target: str) -> None:
    make(tmp_path, "glioma/b/1.png", "notumor/2.png")
    (tmp_path / "glioma" / "again").symlink_to(target)
    found, told = by_class(tmp_path)
    assert found == [("glioma/b/1.png", "glioma"), ("notumor/2.png", "notumor")]
    assert told == ["Left out, a link to a folder that is listed already, or that it lies in: glioma/again."]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    data, store = tmp_path / "data", tmp_path / "store"
    make(store, "one/1.png", "two/2.png")
    (store / "one" / "other").symlink_to(store / "two")
    (store / "two" / "other").symlink_to(store / "one")
    make(data, "glioma/0.png")
    (data / "glioma" / "more").symlink_to(store / "one")
    found, told = by_class(data)
    assert [name for name, _ in found] == ["glioma/0.png", "glioma/more/1.png", "glioma/more/other/2.png"]
    assert len(told) == 1


def test_links_that_lead_nowhere_and_pipes_are_named(tmp_path: Path) -> None:
    make(tmp_path, "glioma/1.png")
    (tmp_path / "glioma" / "gone.png").symlink_to("elsewhere.png")
    (tmp_path / "glioma" / "self.png").symlink_to("self.png")
    (tmp_path / "notumor").symlink_to("nowhere")
    os.mkfifo(tmp_path / "glioma" / "pipe.png")
    found, told = by_class(tmp_path)
    assert found == [("glioma/1.png", "glioma")]
    assert told == [
        "Left out, a link that leads nowhere: notumor, glioma/gone.png, glioma/self.png.",
        "Left out, neither a file nor a folder: glioma/pipe.png.",
    ]


def test_names_that_are_no_text_are_listed_and_readable(tmp_path: Path) -> None:
    for name in (b"caf\xe9.png", b".\xff"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    left_out = LeftOut(tmp_path)
    (path,) = files_below(tmp_path, left_out)
    assert (readable(path.name), readable("café.png")) == (r"caf\xe9.png", "café.png")
    assert left_out.sentences() == [r"Left out, hidden, or left by a system: .\xff."]


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
