"""Loading a labelled folder as a cohort with ground truth."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.files.base import ContentFile

from cases.intake.uploads import Given, Outcome, Receipt, limits, refusal_of_oversized, submit_series
from cases.models import Cohort
from inference.files import files_below, folders_in

if TYPE_CHECKING:
    from portal.accounts.models import User

MANIFEST_NAME = "manifest.csv"


class FolderError(Exception):
    """The folder as a whole cannot be imported; the message says what to do."""


@dataclass(frozen=True)
class LabelledFile:
    """One file of the folder and the code of its class. Files of the same `case` are images of one case;
    it is empty for a file that is a case of its own.
    """

    path: Path
    label: str
    case: str = ""


def labelled_files(folder: Path, known: set[str]) -> list[LabelledFile]:
    """The files that a manifest.csv (path,label, or path,label,case) lists, or one sub-folder a class.

    Raises FolderError before anything is imported, so that a wrong folder leaves
    no cohort half-made.
    """
    if not folder.is_dir():
        raise FolderError(f"There is no such folder: {folder}")
    manifest = folder / MANIFEST_NAME
    files = list(_from_manifest(manifest) if manifest.is_file() else _from_subfolders(folder))
    if not files:
        raise FolderError(
            f"{folder} has no images: give it one sub-folder a class, or a {MANIFEST_NAME} "
            "with the columns path,label."
        )
    if unknown := sorted({entry.label for entry in files} - known):
        raise FolderError(
            f"The classes {', '.join(unknown)} are not known to the active network; "
            f"it knows {', '.join(sorted(known))}."
        )
    _check_labels(files)
    return files


def _check_labels(files: list[LabelledFile]) -> None:
    """Raise FolderError where the images of one case have different labels: a case has one known class."""
    labels: dict[str, str] = {}
    for entry in files:
        first = labels.setdefault(entry.case, entry.label) if entry.case else entry.label
        if first != entry.label:
            raise FolderError(
                f"The case {entry.case} has two labels, {first} and {entry.label}; give its rows the same."
            )


def _from_manifest(manifest: Path) -> Iterator[LabelledFile]:
    reader = csv.DictReader(io.StringIO(_text_of(manifest), newline=""), strict=True)
    try:
        if missing := {"path", "label"} - set(reader.fieldnames or ()):
            raise FolderError(f"{manifest} lacks the column {', '.join(sorted(missing))}.")
        for row in reader:
            yield _labelled(manifest, reader.line_num, row)
    except csv.Error as error:
        raise FolderError(f"{manifest}, line {reader.line_num + 1}: this is no CSV ({error}).") from error


def _text_of(manifest: Path) -> str:
    data = manifest.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data[: error.start].count(b"\n") + 1
        raise FolderError(f"{manifest}, line {number}: this is not UTF-8; save the file so.") from error


def _labelled(manifest: Path, number: int, row: dict[str, str | None]) -> LabelledFile:
    name, label = ((row[column] or "").strip() for column in ("path", "label"))
    if not name or not label:
        raise FolderError(f"{manifest}, line {number}: path or label is empty.")
    if "\0" in name:
        raise FolderError(f"{manifest}, line {number}: the path holds a NUL.")
    root = manifest.parent.resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        raise FolderError(f"{manifest}, line {number}: the path leads out of the folder.")
    return LabelledFile(path, label, (row.get("case") or "").strip())


def _from_subfolders(folder: Path) -> Iterator[LabelledFile]:
    for subfolder in folders_in(folder):
        for path in files_below(subfolder):
            yield LabelledFile(path, subfolder.name)


def cases_of(files: Iterable[LabelledFile]) -> list[list[LabelledFile]]:
    """The files case by case, in the order in which the cases, and in them the files, come first."""
    cases: dict[object, list[LabelledFile]] = {}
    for place, entry in enumerate(files):
        cases.setdefault(entry.case or place, []).append(entry)
    return list(cases.values())


def import_files(
    *, by: User, cohort: Cohort, files: list[LabelledFile], is_simulated: bool = False
) -> Iterator[tuple[LabelledFile, Receipt]]:
    """Submit the files case by case, yielding what became of each."""
    for entries in cases_of(files):
        receipts = submit_series(
            by=by,
            cohort=cohort,
            files=map(_read, entries),
            ground_truth=entries[0].label,
            is_simulated=is_simulated,
        )
        yield from zip(entries, receipts, strict=True)


def _read(entry: LabelledFile) -> Given:
    try:
        if entry.path.stat().st_size > limits().max_bytes:
            return refusal_of_oversized()
        return ContentFile(entry.path.read_bytes())
    except OSError as error:
        reason = f"The file cannot be read ({error.strerror})."
        return Receipt(Outcome.REFUSED, None, "unreadable", reason)
