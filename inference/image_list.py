"""The CSV file that names labelled images (manifest.csv): one reader, one set of rules for all who take one.

Rules. UTF-8, with or without a byte order mark, or UTF-16 with one. Commas, semicolons or tabs between the
values. Spaces around names and values do not count, nor does the case of the columns' names. Paths start
from the folder and stay in it. Each image has one row; a row that says the same once more is left out and
told, and so are the files of the folder that no row names.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from inference.errors import DataError
from inference.files import files_below, first_of, readable

_SEPARATORS = ",;\t"
_NEEDED = ("path", "label")
# How Excel is told which separator a file has.
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)


@dataclass(frozen=True)
class ListedImage:
    """One row. name: its path below the folder, as reports write it. place: file and line, for errors.

    values: of the further columns, without those that are empty.
    """

    path: Path
    name: str
    label: str
    values: Mapping[str, str]
    line: int
    place: str

    def number(self, column: str, kind: Callable[[str], float]) -> float | None:
        """Return the column's number; None where there is none. Raises DataError data_invalid."""
        value = self.values.get(column)
        if value is None:
            return None
        try:
            # A table kept with semicolons may write its numbers with commas.
            return kind(value.replace(",", "."))
        except ValueError as error:
            raise _wrong(self.place, f"{column} is no number; give one. Received {value!r}.") from error


@dataclass(frozen=True)
class ImageList:
    """The rows, in their order. notices: what was left out, a sentence each."""

    columns: tuple[str, ...]
    images: tuple[ListedImage, ...]
    notices: tuple[str, ...]


def read_image_list(manifest: Path, directory: Path) -> ImageList:
    """Read the rows of `manifest`, whose paths start from `directory`.

    Raises DataError data_missing where there is no such file, and data_invalid with the line that is wrong
    and what to do about it.
    """
    text, skipped = _without_separator_line(_text_of(manifest))
    rows = _rows(text, _separator_of(text), readable(manifest.name), skipped)
    line, header = next(rows, (1, []))
    columns = _columns(header, f"{readable(manifest.name)}, line {line}")
    images: dict[str, ListedImage] = {}
    notices = []
    for line, values in rows:
        if not any(values):
            continue
        image = _listed(directory, columns, values, line, f"{readable(manifest.name)}, line {line}")
        first = images.setdefault(os.path.normpath(image.path), image)
        if first is not image:
            _check_same(first, image)
            notices.append(f"{image.place}: the same as line {first.line}; left out.")
    notices += _unlisted(directory, manifest, images)
    return ImageList(columns, tuple(images.values()), tuple(notices))


def _unlisted(directory: Path, manifest: Path, images: Mapping[str, ListedImage]) -> list[str]:
    """A sentence about the files below `directory` that no row names, also not by way of a link.

    images: by their normalised paths.
    """
    unknown = [path for path in files_below(directory) if os.path.normpath(path) not in images]
    named = {os.path.realpath(path) for path in (os.fspath(manifest), *images)} if unknown else set()
    names = [readable(path.relative_to(directory)) for path in unknown if os.path.realpath(path) not in named]
    count = "1 file of the folder is" if len(names) == 1 else f"{len(names):,} files of the folder are"
    return [f"{count} in no row of {readable(manifest.name)}: {first_of(names)}."] if names else []


def _text_of(manifest: Path) -> str:
    """The text; bytes that are not UTF-8 are surrogates in it, since names of files may have such."""
    try:
        data = manifest.read_bytes()
    except OSError as error:
        raise DataError("data_missing", f"There is no such manifest. Received {manifest.name!r}.") from error
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16") if is_utf16 else data.decode("utf-8-sig", "surrogateescape")
    except UnicodeDecodeError as error:
        raise _not_utf8(f"{readable(manifest.name)}, line 1") from error


def _without_separator_line(text: str) -> tuple[str, int]:
    """The text from its header on, and how many lines came before."""
    found = _SEPARATOR_LINE.match(text)
    return (text[found.end() :], 1) if found else (text, 0)


def _rows(text: str, separator: str, name: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Each row's values without the spaces around them, and the line that it begins on."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=separator != "\t"
    )
    while True:
        line = reader.line_num + 1 + skipped
        try:
            yield line, [value.strip() for value in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise _wrong(f"{name}, line {line}", f"this is no CSV ({error}); correct the line.") from error


def _separator_of(text: str) -> str:
    """The separator by which the header has most of the columns that are needed, and most columns at all."""

    def columns_by(separator: str) -> tuple[int, int]:
        try:
            _line, header = next(_rows(text, separator, "", 0), (1, []))
        except DataError:
            return 0, 0
        return len(set(_NEEDED) & {name.lower() for name in header}), len(header)

    return max(_SEPARATORS, key=columns_by)


def _columns(header: list[str], place: str) -> tuple[str, ...]:
    columns = tuple(name.lower() for name in header)
    received = f"Received {', '.join(filter(None, columns)) or 'no columns'}."
    if any(map(_is_bytes, columns)):
        raise _not_utf8(place)
    if missing := [name for name in _NEEDED if name not in columns]:
        raise _wrong(
            place, f"the header lacks the column {' and '.join(missing)}; it needs path and label. {received}"
        )
    if doubled := sorted({name for name in columns if name and columns.count(name) > 1}):
        raise _wrong(place, f"the header names the column {doubled[0]} twice; keep one of them. {received}")
    return columns


def _listed(
    directory: Path, columns: tuple[str, ...], values: list[str], line: int, place: str
) -> ListedImage:
    if any(values[len(columns) :]):
        raise _wrong(
            place,
            f"there are {len(values)} values for {len(columns)} columns; put a value that holds a separator "
            "in double quotes.",
        )
    given = {column: value for column, value in zip(columns, values, strict=False) if column and value}
    name, label = given.pop("path", ""), given.pop("label", "")
    if not name or not label:
        raise _wrong(place, "path or label is empty; give both, or delete the line.")
    if "\0" in name:
        raise _wrong(place, "the path holds a NUL; write the file's name alone.")
    path = _path_of(directory, name, place)
    # A name of bytes that are no text is taken where a file bears it; else the whole table is in some other
    # encoding.
    if any(map(_is_bytes, (label, *given.values()))) or (_is_bytes(name) and not os.path.lexists(path)):
        raise _not_utf8(place)
    shown = path.relative_to(directory) if path.is_relative_to(directory) else path
    return ListedImage(path, readable(shown), label, given, line, place)


def _path_of(directory: Path, name: str, place: str) -> Path:
    """The place of `name`: below the directory, or, where the path is absolute, as it stands. A relative path
    that leads out is a mistake. By name: a link may lead to where the data really lie.
    """
    full = Path(os.path.normpath(directory.absolute() / name))
    for root in (Path(os.path.normpath(directory.absolute())), directory.resolve()):
        if full.is_relative_to(root):
            return directory / full.relative_to(root)
    if Path(name).is_absolute():
        return full
    raise _wrong(place, "the path leads out of the folder; put the file into the folder, or name one there.")


def _check_same(first: ListedImage, again: ListedImage) -> None:
    if first.label != again.label:
        raise _wrong(
            again.place,
            f"{again.name} is {again.label} here and {first.label} in line {first.line}; keep the right one.",
        )
    if first.values != again.values:
        raise _wrong(
            again.place,
            f"{again.name} is named here and, with other values, in line {first.line}; keep the right one.",
        )


def _is_bytes(text: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in text)


def _not_utf8(place: str) -> DataError:
    return _wrong(place, "this is not UTF-8; save the file so.")


def _wrong(place: str, said: str) -> DataError:
    return DataError("data_invalid", f"{place}: {said}")
