"""`make fuzz` in small: its damage is the same each time, and what is found is told, kept and counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.formats import FORMATS, read_images
from tests.fuzz import __main__ as fuzz
from tests.fuzz import door, mutator
from tests.fuzz.seeds import seeds


@pytest.fixture(scope="module")
def whole() -> dict[str, bytes]:
    return seeds()


def test_every_format_has_whole_files_that_are_read(whole) -> None:
    accepted = {name: data for name, data in whole.items() if not name.startswith(("gif", "zip"))}
    read = {name: [image.format_id for image in read_images(data)] for name, data in accepted.items()}
    assert {ids[0] for ids in read.values()} == {each.id for each in FORMATS}
    assert all(read.values())


def test_same_seed_and_number_give_the_same_file(whole) -> None:
    contents = list(whole.values())
    assert contents == list(seeds().values())
    assert mutator.mutated(contents, 7, 3) == mutator.mutated(contents, 7, 3)
    assert mutator.mutated(contents, 7, 3) != mutator.mutated(contents, 8, 3)


def test_damaged_files_are_read_or_refused_in_words(tmp_path: Path, capsys) -> None:
    assert fuzz.run(3, range(len(seeds())), tmp_path) == 0
    said = capsys.readouterr().out
    assert "0 findings in 54 files" in said
    assert "SEED=3" in said
    assert not list(tmp_path.iterdir())


def test_what_is_found_is_kept_with_its_words_and_counted(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(door.Door, "outcome", lambda *_: ("exception", "Traceback\nZeroDivisionError"))
    assert fuzz.run(1, range(11, 13), tmp_path) == 2
    names = ["exception-1-11.bin", "exception-1-11.txt", "exception-1-12.bin", "exception-1-12.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert (tmp_path / names[1]).read_text() == "bmp palette\nTraceback\nZeroDivisionError"
    assert "2 findings in 2 files" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "template", "outcome"),
    [
        ("image_too_slow", "It takes too long.", "hang"),
        ("truncated", door.guarded._failed().template, "crash"),
        ("image_too_large_to_read", door.too_much_memory().template, "memory"),
        ("truncated", "The file is cut off.", "refused"),
        ("truncated", " ", "no words"),
    ],
)
def test_refusal_that_only_looks_like_one_is_a_finding(code, template, outcome) -> None:
    assert door._judged(door.ImageError(code, template))[0] == outcome


def test_death_is_forgiven_only_where_it_is_known() -> None:
    assert door.is_contained("dicom JPEGLossless", "crash")
    assert not door.is_contained("dicom JPEGLossless", "hang")
    assert not door.is_contained("png grey", "crash")
