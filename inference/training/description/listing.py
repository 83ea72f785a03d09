"""Which files a data set has, and what is known about each: class, split, fold, group, slice, source."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.errors import DataError
from inference.files import LeftOut, files_below, folders_in, holds_files, readable, say_what_is_missing
from inference.image_list import ListedImage, read_image_list

# What folders of splits are called; the classes of a network never are.
_SPLIT = re.compile(
    r"(train|test|val|dev|hold-?_?out|fold)(ing|id|idation)?([ _-]?(set|data|\d+))*", re.IGNORECASE
)


@dataclass(frozen=True)
class Entry:
    """One listed file. name: its path below the folder, as reports write it. None where a thing is not known.

    group: patient or exam. slice_id: copies of one slice share it.
    """

    path: Path
    name: str
    label: str
    split: str | None = None
    group: str | None = None
    slice_id: str | None = None
    source: str | None = None


@dataclass(frozen=True)
class Listing:
    """A data set's files in a stable order. classes: all of them, also one without a file.

    split_by: what tells the splits apart: "folder", or the manifest's column "split" or "fold"; None where
    nothing does. notices: what was left out, a sentence each.
    """

    entries: tuple[Entry, ...]
    classes: tuple[str, ...]
    split_by: str | None
    notices: tuple[str, ...] = ()

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits, by name."""
        return tuple(sorted({entry.split for entry in self.entries if entry.split is not None}))


def list_images(directory: Path, manifest: Path | None) -> Listing:
    """List what is in `directory`: as the manifest tells, or by folders.

    Folders: one sub-folder a class, or one a split (Training, Testing) with one a class in each; below a
    class files may stand in further folders.
    Raises DataError data_missing where there is no folder, no class or no file, and data_invalid where the
    manifest cannot be used.
    """
    if not directory.is_dir():
        raise DataError("data_missing", f"There is no such folder. Received {directory.name!r}.")
    listing = _from_manifest(directory, manifest) if manifest else _from_folders(directory)
    if not listing.entries:
        raise DataError("data_missing", "The data have no labelled images. Received 0 files.")
    return listing


def _from_folders(directory: Path) -> Listing:
    left_out = LeftOut(directory)
    top = folders_in(directory, left_out)
    if not top:
        raise DataError(
            "data_missing",
            f"The folder needs one sub-folder a class. Received {directory.name!r} without any.",
        )
    nested = {folder: folders_in(folder) for folder in top}
    if not _are_splits(nested):
        return _listing([(None, folder) for folder in top], directory, left_out)
    without = [readable(folder.name) for folder, folders in nested.items() if not folders]
    if without:
        raise DataError(
            "data_invalid",
            "Either every sub-folder is a class, or every one is a split that holds classes. "
            f"Received {', '.join(without)} without classes beside {_first_with(nested)} with some.",
        )
    # A single folder around the classes divides nothing.
    return _listing(
        [
            (readable(split.name) if len(nested) > 1 else None, folder)
            for split in nested
            for folder in folders_in(split, left_out)
        ],
        directory,
        left_out,
    )


def _are_splits(nested: Mapping[Path, Sequence[Path]]) -> bool:
    """Whether the folders are splits that hold classes, rather than classes that hold further folders.

    nested: the folders in each. Splits have such a name, or hold no file themselves and have classes in
    common.
    """
    if not any(nested.values()):
        return False
    if any(_SPLIT.fullmatch(folder.name) for folder in nested):
        return True
    if any(map(holds_files, nested)):
        return False
    names = [folder.name for folders in nested.values() for folder in folders]
    return len(nested) == 1 or len(set(names)) < len(names)


def _listing(places: Sequence[tuple[str | None, Path]], directory: Path, left_out: LeftOut) -> Listing:
    found = [(split, folder, files_below(folder, left_out)) for split, folder in places]
    entries = [
        Entry(path, readable(path.relative_to(directory).as_posix()), readable(folder.name), split)
        for split, folder, files in found
        for path in files
    ]
    notices: list[str] = []
    say_what_is_missing(left_out, [folder for _split, folder, files in found if not files], notices.append)
    classes = sorted({readable(folder.name) for _split, folder in places})
    split_by = "folder" if places[0][0] is not None else None
    return Listing(tuple(entries), tuple(classes), split_by, tuple(notices))


def _first_with(nested: dict[Path, list[Path]]) -> str:
    return next(readable(folder.name) for folder, folders in nested.items() if folders)


def _from_manifest(directory: Path, manifest: Path) -> Listing:
    listed = read_image_list(manifest, directory)
    split_by = next((name for name in ("split", "fold") if name in listed.columns), None)
    entries = tuple(_entry(image, split_by) for image in listed.images)
    return Listing(entries, tuple(sorted({entry.label for entry in entries})), split_by, listed.notices)


def _entry(image: ListedImage, split_by: str | None) -> Entry:
    return Entry(
        path=image.path,
        name=image.name,
        label=image.label,
        split=_split(image, split_by),
        group=image.values.get("group"),
        slice_id=image.values.get("slice"),
        source=image.values.get("source"),
    )


def _split(image: ListedImage, split_by: str | None) -> str | None:
    value = image.values.get(split_by) if split_by else None
    return f"fold {value}" if value and split_by == "fold" else value
