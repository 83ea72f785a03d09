"""Loading a labelled folder as a cohort with ground truth."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.files.base import ContentFile

from cases.intake.judging import limits
from cases.intake.receipts import Given, Outcome, Receipt, refusal_of_oversized
from cases.intake.stored_pictures import picture_name
from cases.intake.uploads import submit_series
from cases.models import Cohort, Image
from inference.canonical import encode_canonical
from inference.contradictions import Contradiction, Labels, Place, pixel_digest
from inference.errors import DataError, ImageError
from inference.files import Tell, files_by_class, readable, silent
from inference.formats import read_image
from inference.image_list import read_image_list

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


def labelled_files(folder: Path, known: set[str], tell: Tell = silent) -> list[LabelledFile]:
    """The files that a manifest.csv (path,label, or path,label,case) lists, or one sub-folder a class; `tell`
    hears what is left out.

    Raises FolderError before anything is imported, so that a wrong folder leaves
    no cohort half-made.
    """
    if not folder.is_dir():
        raise FolderError(f"There is no such folder: {readable(folder)}")
    manifest = folder / MANIFEST_NAME
    if manifest.is_file():
        files = _from_manifest(manifest, tell)
    else:
        files = [LabelledFile(path, label) for path, label in files_by_class(folder, tell)]
    if not files:
        raise FolderError(
            f"{readable(folder)} has no images: give it one sub-folder a class, or a {MANIFEST_NAME} "
            "with the columns path,label."
        )
    if unknown := sorted({entry.label for entry in files} - known):
        raise FolderError(
            f"The classes {', '.join(map(readable, unknown))} are not known to the active network; "
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


def _from_manifest(manifest: Path, tell: Tell) -> list[LabelledFile]:
    try:
        listed = read_image_list(manifest, manifest.parent)
    except DataError as error:
        raise FolderError(error.message) from error
    for notice in listed.notices:
        tell(notice)
    return [LabelledFile(image.path, image.label, image.values.get("case", "")) for image in listed.images]


def refuse_contradictions(files: Iterable[LabelledFile], folder: Path, cohort: Cohort | None) -> None:
    """Raise FolderError where the same bytes or pixels have two labels, in the folder or here and in the
    cohort, before anything is stored. What is no image is passed over: its own refusal names it.
    """
    labels = Labels()
    known = _known_classes(cohort)
    for entry in files:
        name = str(entry.path.relative_to(folder))
        try:
            if entry.path.stat().st_size > limits().max_bytes:
                continue
            data = entry.path.read_bytes()
            digest = hashlib.sha256(data).hexdigest()
            decoded = read_image(data, limits())
        except (OSError, ImageError):
            continue
        digests = [digest, pixel_digest(decoded.pixels)]
        there = known.get(digest) or (known and known.get(picture_name(encode_canonical(decoded)))) or None
        if there is not None and there.label != entry.label:
            labels.contradictions.append(Contradiction(there, Place(readable(name), entry.label)))
        labels.add(name, entry.label, digests)
    try:
        labels.refuse_contradictions()
    except DataError as error:
        raise FolderError(error.message) from error


def _known_classes(cohort: Cohort | None) -> dict[str, Place]:
    """The cases of known class that the cohort has, by the digests of their files and the names of their
    stored pictures, which say whether pixels are the same.
    """
    if cohort is None:
        return {}
    images = Image.objects.filter(cohort=cohort).exclude(case__ground_truth="").select_related("case")
    return {
        key: Place(f"case {image.case.code} of this cohort", image.case.ground_truth)
        for image in images.iterator()
        for key in (image.source_sha256, image.file)
    }


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
            by_pixels=True,
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
