"""Loading a labelled folder as a cohort with ground truth."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.files.base import ContentFile

from cases.models import Cohort
from cases.services.uploads import Outcome, Receipt, limits, refusal_of_oversized, submit_file
from inference.files import files_below, folders_in

if TYPE_CHECKING:
    from portal.accounts.models import User

MANIFEST_NAME = "manifest.csv"


class FolderError(Exception):
    """The folder as a whole cannot be imported; the message says what to do."""


@dataclass(frozen=True)
class LabelledFile:
    """One file of the folder and the code of its class."""

    path: Path
    label: str


def labelled_files(folder: Path, known: set[str]) -> list[LabelledFile]:
    """The files that a manifest.csv (path,label) lists, or one sub-folder a class.

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
    return files


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
    return LabelledFile(path, label)


def _from_subfolders(folder: Path) -> Iterator[LabelledFile]:
    for subfolder in folders_in(folder):
        for path in files_below(subfolder):
            yield LabelledFile(path, subfolder.name)


def import_files(
    *, by: User, cohort: Cohort, files: list[LabelledFile], is_simulated: bool = False
) -> Iterator[tuple[LabelledFile, Receipt]]:
    """Submit the files one after the other, yielding what became of each."""
    for entry in files:
        yield entry, _import_one(by=by, cohort=cohort, entry=entry, is_simulated=is_simulated)


def _import_one(*, by: User, cohort: Cohort, entry: LabelledFile, is_simulated: bool) -> Receipt:
    try:
        if entry.path.stat().st_size > limits().max_bytes:
            return refusal_of_oversized()
        data = entry.path.read_bytes()
    except OSError as error:
        reason = f"The file cannot be read ({error.strerror})."
        return Receipt(Outcome.REFUSED, None, "unreadable", reason)
    return submit_file(
        by=by,
        cohort=cohort,
        file=ContentFile(data),
        ground_truth=entry.label,
        is_simulated=is_simulated,
    )
