"""The known classes of a folder's files: truth.csv (file, known_class), which lies in the folder beside them.

It is read before the files are, so that whoever wrote it hears at once what is wrong with it. Whoever is
shown what would become of the files sees their known classes: with each case that is made so, that is
written down (cases/disclosures.py).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from cases import csv_files
from cases.classes import known_classes, said_of_unknown
from cases.intake.incoming.folders import TRUTH_FILE, FolderUnusable, truth_at

COLUMNS = ("file", "known_class")
# So many lines are named at once.
NAMED = 20
_NAME_LENGTH = 120


@dataclass(frozen=True)
class _Line:
    number: int
    name: str
    known_class: str


@dataclass(frozen=True)
class Known:
    """What is known of files, by their names. labels: of the classes, by their codes."""

    lines: dict[str, _Line] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def classes_of(self, names: Iterable[str]) -> list[str]:
        """The codes of the classes that these files have, each once."""
        found = (self.lines.get(_key(name)) for name in names)
        return list(dict.fromkeys(line.known_class for line in found if line))

    def unused(self, names: Collection[str], of_cases: Collection[str]) -> list[str]:
        """What of it serves nothing, in words. names: of all files; of_cases: of those that become cases."""
        there, used = {_key(name) for name in names}, {_key(name) for name in of_cases}
        held_by = {str(parent): name for name in sorted(there) for parent in PurePosixPath(name).parents}
        left = [line for line in self.lines.values() if line.name not in used]
        return _first([_at(line.number, _said_of(line, there, held_by)) for line in left])


def known_classes_at(folder: str, place: str) -> Known:
    """What is known of the files at a place of a folder. Raises FolderUnusable."""
    data = truth_at(folder, place, csv_files.MAX_BYTES)
    if data is None:
        return Known()
    try:
        known, wrong = _read(data)
    except ValidationError as error:
        known, wrong = Known(), [str(error.message)]
    if wrong:
        said = _t("%(file)s cannot be taken: %(why)s Correct it, and import the folder again.")
        raise FolderUnusable(said % {"file": TRUTH_FILE, "why": " ".join(_first(wrong))})
    return known


def reason_of(folder: str) -> str:
    """Why a case has its known class, for the record; which subfolder it was may name a patient."""
    return _t("From %(file)s in the folder “%(folder)s”.") % {"file": TRUTH_FILE, "folder": folder}


def said_of_two(classes: Sequence[str]) -> str:
    """What is said of a case whose files have several known classes."""
    said = _t("The files of this case have several known classes in %(file)s: %(classes)s. Give them one.")
    return said % {"file": TRUTH_FILE, "classes": ", ".join(classes)}


def _read(data: bytes) -> tuple[Known, list[str]]:
    """What the file says, and what is wrong with which line."""
    known = Known(labels={code: str(label) for code, label in known_classes().items()})
    wrong: list[str] = []
    seen: set[str] = set()
    for number, row in csv_files.numbered(csv_files.rows_of(data, _names_wrong)):
        try:
            given = csv_files.cells_of(row, COLUMNS)
            name = _named(given["file"])
            _check(name, given["known_class"], seen, known.labels)
        except ValidationError as error:
            wrong.append(_at(number, str(error.message)))
            continue
        seen.add(name)
        if given["known_class"]:
            known.lines[name] = _Line(number, name, given["known_class"])
    return known, wrong


def _names_wrong(names: Sequence[str]) -> str:
    if sorted(names) == sorted(COLUMNS):
        return ""
    said = _t("The first line names the columns: file and known_class. Received: %(names)s.")
    return said % {"names": csv_files.said_of_names(names)}


def _check(name: str, known_class: str, seen: Collection[str], labels: dict[str, str]) -> None:
    if name in seen:
        raise ValidationError(_t("The file %(file)s stands here twice.") % {"file": name[:_NAME_LENGTH]})
    if said := said_of_unknown(known_class, labels):
        raise ValidationError(said)


def _named(given: str) -> str:
    """The file that a cell names. Raises ValidationError where it is none below the folder."""
    name = _key(given.replace("\\", "/").removeprefix("./"))
    if not {"", ".", ".."}.isdisjoint(name.split("/")):
        said = _t("Name the file by its way from this folder, such as scans/a.png. Received: %(file)s.")
        raise ValidationError(said % {"file": given[:_NAME_LENGTH] or "–"})  # noqa: RUF001 - a dash for nothing
    return name


def _key(name: str) -> str:
    """A name as it is compared: systems write the same letters in two ways."""
    return unicodedata.normalize("NFC", name)


def _said_of(line: _Line, there: Collection[str], held_by: Mapping[str, str]) -> str:
    """Why a line serves nothing. held_by: a file of each folder and archive."""
    told = {"file": line.name[:_NAME_LENGTH], "first": held_by.get(line.name, "")[:_NAME_LENGTH]}
    if line.name in there:
        return _t("%(file)s becomes part of no case here, so that its known class is not used.") % told
    if line.name in held_by:
        return _t("%(file)s holds several files. Name them one by one, such as %(first)s.") % told
    return _t("There is no file %(file)s in this folder.") % told


def _at(number: int, said: str) -> str:
    return _t("Line %(line)s: %(why)s") % {"line": number, "why": said}


def _first(told: Sequence[str]) -> list[str]:
    rest = len(told) - NAMED
    more = ngettext("And %(n)d more line.", "And %(n)d more lines.", rest) % {"n": rest}
    return [*told[:NAMED], *([more] if rest > 0 else [])]
