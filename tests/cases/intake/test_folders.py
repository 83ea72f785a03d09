"""Folders that an operator has named: what can be chosen, what is read, and that nothing leads out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile

from cases.intake.incoming import folders
from cases.intake.incoming.folders import FolderUnusable, Listing, listing, opened
from cases.intake.receipts import Receipt
from cases.models import IncomingUpload
from portal.settings.env import MOST_FOLDER_NAME, VAR_DIR, named_folders
from tests.cases.intake.hospital import zipped


@pytest.fixture
def root(tmp_path: Path, settings: Any) -> Path:
    """The folder that is named Archive."""
    folder = tmp_path / "archive"
    folder.mkdir()
    settings.IMPORT_FOLDERS = {"Archive": folder}
    return folder


def write(root: Path, **files: bytes) -> None:
    for name, content in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read(place: str = "") -> dict[str, Any]:
    """What is given of each file: its content, or the code of its refusal."""
    with opened("Archive", place) as files:
        return {name: each.code if isinstance(each, Receipt) else each.read() for name, each in files}


def below(here: Listing, name: str) -> Listing:
    (token,) = [each.token for each in here.subfolders if each.name == name]
    return listing("Archive", token)


def test_subfolders_are_listed_as_people_count_and_what_is_hidden_or_a_link_is_not(root) -> None:
    write(root, s10__a=b"1", s2__a=b"1", S1__deep__b=b"1", plain=b"1", **{".hidden": b"1", "Thumbs.db": b"1"})
    (root / "s3").symlink_to(root / "s2")
    (root / ".git").mkdir()
    (root / "__MACOSX").mkdir()
    here = listing("Archive", "")
    assert [each.name for each in here.subfolders] == ["S1", "s2", "s10"]
    assert (here.files, here.is_cut, here.is_empty) == (2, False, False)  # the link is told when it is read
    deep = below(below(here, "S1"), "deep")
    assert (deep.way, deep.files, deep.subfolders) == (("S1", "deep"), 1, [])
    assert [step.name for step in deep.trail] == ["", "S1", "deep"]


def test_subfolder_whose_name_is_no_text_is_read_with_the_folder_that_it_is_in(root) -> None:
    write(root, **{os.fsdecode(b"\xff__a"): b"1"})
    here = listing("Archive", "")
    assert (here.subfolders, here.is_cut, here.is_empty) == ([], True, False)
    assert read() == {"\ufffd/a": b"1"}


def test_address_of_a_subfolder_tells_nothing_of_its_name_and_of_no_other_folder(root, settings) -> None:
    (root / "Mustermann_Erika").mkdir()
    (only,) = listing("Archive", "").subfolders
    assert len(only.token) == 16
    assert set(only.token) <= set("0123456789abcdef")
    settings.IMPORT_FOLDERS = settings.IMPORT_FOLDERS | {"Other": root}
    assert listing("Other", "").subfolders[0].token != only.token


@pytest.mark.parametrize("token", ["..", "../..", "/etc", "0" * 16, "x.y.z", "a." * 40])
def test_token_of_no_listed_folder_leads_nowhere(root, token) -> None:
    with pytest.raises(FolderUnusable, match="This folder is gone, or the portal may not read it"):
        listing("Archive", f".{token}/" if token == ".." else token)


@pytest.mark.parametrize("place", ["..", "a/../..", "link", "a/link", "gone", "plain"])
def test_place_that_leads_out_or_to_no_folder_is_refused(root, place) -> None:
    write(root, a__b=b"1", plain=b"1")
    (root.parent / "secret").mkdir()
    for link in (root / "link", root / "a" / "link"):
        link.symlink_to(root.parent / "secret")
    with pytest.raises(FolderUnusable, match="This folder is gone, or the portal may not read it"):
        read(place)


def test_files_of_a_folder_and_below_are_read_in_order_and_what_is_none_is_refused(root, settings) -> None:
    settings.UPLOAD_MAX_BYTES = 100
    write(root, a10=b"ten", a2=b"two", sub__b=b"three", large=b"x" * 101, **{".hidden": b"", "._a2": b""})
    (root / "link").symlink_to("/etc/passwd")
    (root / "out").symlink_to("/etc")
    os.mkfifo(root / "pipe")
    assert read() == {
        "a2": b"two",
        "a10": b"ten",
        "large": "file_too_large",
        "link": "link",
        "out": "link",
        "pipe": "no_file",
        "sub/b": b"three",
    }
    assert list(read()) == ["a2", "a10", "large", "link", "out", "pipe", "sub/b"]
    assert read("sub") == {"b": b"three"}


def test_archive_is_handed_on_open_however_large_and_a_file_as_its_bytes(root, settings) -> None:
    settings.UPLOAD_MAX_BYTES = 10
    write(root, **{"a.zip": zipped({"a": b"one"}), "b": b"two"})
    with opened("Archive", "") as files:
        given = [each for _name, each in files]
        assert len(files) == 2
    assert [isinstance(each, ContentFile) for each in given] == [False, True]
    # Closed as soon as the next one is asked for.
    assert given[0].closed


def test_file_that_goes_before_it_is_read_is_refused(root) -> None:
    write(root, a=b"1", b=b"2")
    with opened("Archive", "") as files:
        (root / "b").unlink()
        (_a, (_name, gone)) = list(files)
    assert isinstance(gone, Receipt)
    assert gone.code == "unreadable"
    assert gone.message == (
        "This cannot be read: it is gone, or the portal may not read it. Tell your administrator."
    )


def test_folder_that_is_exchanged_for_a_link_is_not_followed(root) -> None:
    write(root, a__b=b"1")
    secret = root.parent / "secret"
    secret.mkdir()
    (secret / "b").write_bytes(b"secret")
    with opened("Archive", "") as files:
        (root / "a").rename(root.parent / "moved")
        (root / "a").symlink_to(secret)
        ((name, given),) = list(files)
    assert (name, isinstance(given, Receipt)) == ("a/b", True)


def test_subfolder_that_is_closed_is_refused_and_the_others_are_read(root, monkeypatch) -> None:
    write(root, a__b=b"1", c=b"2")
    plain = os.open

    def closed(path: Any, *args: Any, **more: Any) -> int:
        if path == "a":
            raise PermissionError(13, "Permission denied")
        return plain(path, *args, **more)

    monkeypatch.setattr(folders.os, "open", closed)
    assert read() == {"a": "unreadable", "c": b"2"}


def test_too_many_none_and_a_folder_that_is_gone_are_told_in_words(root, settings) -> None:
    settings.UPLOAD_PIECES_MAX_FILES = 2
    with pytest.raises(FolderUnusable, match="There is no file in this folder"):
        read()
    write(root, a=b"1", b=b"2")
    assert len(read()) == 2
    write(root, c=b"3")
    with pytest.raises(FolderUnusable, match="There are more than 2 files in this folder"):
        read()
    settings.IMPORT_FOLDERS = {"Archive": root / "nowhere"}
    for ask in (read, lambda: listing("Archive", "")):
        with pytest.raises(FolderUnusable, match="The folder “Archive” cannot be read"):
            ask()
    settings.IMPORT_FOLDERS = {}
    with pytest.raises(FolderUnusable, match="offers no folder of this name any more"):
        read()


def test_what_is_listed_and_looked_through_is_bounded(root, monkeypatch) -> None:
    write(root, **{f"s{at}__a": b"1" for at in range(4)})
    monkeypatch.setattr(folders, "MOST_ENTRIES_SHOWN", 3)
    here = listing("Archive", "")
    assert (len(here.subfolders), here.is_cut) == (3, True)
    monkeypatch.setattr(folders, "MOST_ENTRIES", 7)
    with pytest.raises(FolderUnusable, match="There are more than"):
        read()


def test_error_of_whoever_reads_is_not_taken_for_one_of_the_folder(root) -> None:
    """A disk that is full is another's matter."""
    write(root, a=b"1")
    with pytest.raises(OSError, match="full"), opened("Archive", ""):
        raise OSError(28, "full")


# The setting.


def test_named_folders_are_read_from_pairs(tmp_path) -> None:
    assert named_folders([]) == {}
    assert named_folders([f"Archive={tmp_path}", f" A trial={tmp_path}/a=b"]) == {
        "Archive": tmp_path,
        "A trial": tmp_path / "a=b",
    }


@pytest.mark.parametrize("entry", ["Archive", "=/srv", "A=srv", "A=", "A\t=/srv", f"{'A' * 61}=/srv"])
def test_entry_that_is_no_pair_is_refused_in_a_sentence(entry) -> None:
    with pytest.raises(ImproperlyConfigured, match="IMPORT_FOLDERS is different names and their absolute"):
        named_folders([entry])


def test_name_that_comes_twice_is_refused(tmp_path) -> None:
    with pytest.raises(ImproperlyConfigured, match="different names"):
        named_folders([f"A={tmp_path}", f"A={tmp_path}/b"])


@pytest.mark.parametrize("path", [VAR_DIR, VAR_DIR / "media", VAR_DIR.parent, Path("/")])
def test_what_the_portal_keeps_cannot_be_named(path) -> None:
    with pytest.raises(ImproperlyConfigured, match="what the portal itself keeps"):
        named_folders([f"Own={path}"])


def test_longest_name_fits_into_the_row() -> None:
    assert IncomingUpload._meta.get_field("folder").max_length == MOST_FOLDER_NAME
