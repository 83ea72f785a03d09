"""Which files a data set has, and what is known about each: class, split, fold, group, slice, source."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.errors import DataError
from inference.files import files_below, folders_in


@dataclass(frozen=True)
class Entry:
    """One listed file. name: its path below the folder, with slashes. None where a thing is not known.

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
    nothing does.
    """

    entries: tuple[Entry, ...]
    classes: tuple[str, ...]
    split_by: str | None

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits, by name."""
        return tuple(sorted({entry.split for entry in self.entries if entry.split is not None}))


def list_images(directory: Path, manifest: Path | None) -> Listing:
    """List what is in `directory`: as the manifest tells, or by folders.

    Folders: one sub-folder a class, or one a split (Training, Testing) with one a class in each.
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
    top = folders_in(directory)
    if not top:
        raise DataError(
            "data_missing",
            f"The folder needs one sub-folder a class. Received {directory.name!r} without any.",
        )
    nested = {folder.name: folders_in(folder) for folder in top}
    if not any(nested.values()):
        return _listing([(None, folder) for folder in top], directory)
    without = [name for name, folders in nested.items() if not folders]
    if without:
        raise DataError(
            "data_invalid",
            "Either every sub-folder is a class, or every one is a split that holds classes. "
            f"Received {', '.join(without)} without classes beside {_first_with(nested)} with some.",
        )
    # A single folder around the classes divides nothing.
    return _listing(
        [
            (name if len(nested) > 1 else None, folder)
            for name, folders in nested.items()
            for folder in folders
        ],
        directory,
    )


def _listing(places: Sequence[tuple[str | None, Path]], directory: Path) -> Listing:
    entries = [
        Entry(path, path.relative_to(directory).as_posix(), folder.name, split)
        for split, folder in places
        for path in files_below(folder)
    ]
    classes = sorted({folder.name for _split, folder in places})
    return Listing(tuple(entries), tuple(classes), "folder" if places[0][0] is not None else None)


def _first_with(nested: dict[str, list[Path]]) -> str:
    return next(name for name, folders in nested.items() if folders)


def _from_manifest(directory: Path, manifest: Path) -> Listing:
    columns, rows = _read(manifest)
    missing = [name for name in ("path", "label") if name not in columns]
    if missing:
        raise DataError(
            "data_invalid",
            f"The manifest needs the columns path and label; {' and '.join(missing)} missing. "
            f"Received {', '.join(columns) or 'no columns'}.",
        )
    split_by = next((name for name in ("split", "fold") if name in columns), None)
    entries = [_entry(directory, number, row, split_by) for number, row in enumerate(rows, start=2)]
    return Listing(tuple(entries), tuple(sorted({entry.label for entry in entries})), split_by)


def _read(manifest: Path) -> tuple[list[str], list[dict[str, str]]]:
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            return list(reader.fieldnames or ()), list(reader)
    except OSError as error:
        raise DataError("data_missing", f"There is no such manifest. Received {manifest.name!r}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            "data_invalid", f"The manifest is not a CSV file in UTF-8. Received {manifest.name!r}."
        ) from error


def _entry(directory: Path, number: int, row: dict[str, str], split_by: str | None) -> Entry:
    if not row["path"] or not row["label"]:
        raise DataError(
            "data_invalid", f"Every row of the manifest needs a path and a label. Received line {number}."
        )
    return Entry(
        path=directory / row["path"],
        name=row["path"],
        label=row["label"],
        split=_split(row, split_by),
        group=row.get("group") or None,
        slice_id=row.get("slice") or None,
        source=row.get("source") or None,
    )


def _split(row: dict[str, str], split_by: str | None) -> str | None:
    value = row.get(split_by) if split_by else None
    if not value:
        return None
    return f"fold {value}" if split_by == "fold" else value
