"""Files on disk: which of a folder's are meant, how a name is written down, and how a result is written whole
or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

# Told what a folder's listing has to say of itself, a sentence at a time.
Tell = Callable[[str], None]

# What systems, file managers and network drives leave in any folder; what is hidden is left out as well.
_LITTER = frozenset(
    {
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "@eadir",
        "@tmp",
        "__macosx",
        "desktop.ini",
        "ehthumbs.db",
        "icon\r",
        "lost+found",
        "picasa.ini",
        "system volume information",
        "thumbs.db",
    }
)
_SYSTEM = "hidden, or left by a system"
_NOWHERE = "a link that leads nowhere"
_AGAIN = "a link to a folder that is listed already, or that it lies in"
_CLOSED = "a folder that cannot be opened"
_NO_FILE = "neither a file nor a folder"
_LOOSE = "in no folder of a class"
_EXAMPLES = 5


def readable(name: str | Path) -> str:
    """Return a name that every output takes: bytes that are not UTF-8 are written as `\\xe9`.

    Names are bytes; Python holds those that are no text as lone surrogates, on which every encoder fails.
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")


class LeftOut:
    """What the listing of `directory` left out, so that it can be said."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._places: dict[str, list[str]] = {}

    def add(self, path: Path, why: str) -> None:
        """Note one file or folder below the directory."""
        self._places.setdefault(why, []).append(readable(path.relative_to(self._directory)))

    def sentences(self) -> list[str]:
        """Return a sentence a reason, with the first names."""
        return [f"Left out, {why}: {first_of(names)}." for why, names in self._places.items()]


def folders_in(directory: Path, left_out: LeftOut | None = None) -> list[Path]:
    """Return the sub-folders that are meant, links to folders among them, sorted. Raises OSError."""
    left = left_out or LeftOut(directory)
    folders = []
    for path in sorted(directory.iterdir()):
        if why := _why_not(path) or (None if path.is_dir() else _LOOSE):
            left.add(path, why)
        else:
            folders.append(path)
    return folders


def holds_files(folder: Path) -> bool:
    """Whether files that are meant stand in the folder itself, not in one below it. Raises OSError."""
    return any(path.is_file() and not _why_not(path) for path in folder.iterdir())


def files_below(folder: Path, left_out: LeftOut | None = None) -> list[Path]:
    """Return the files at any depth below `folder`, sorted, without what systems and managers leave there.

    Links are followed; each folder is listed once, by its own name rather than by a link's.
    """
    left = left_out or LeftOut(folder)
    real = folder.resolve()
    seen = {real, *real.parents}
    files: list[Path] = []
    links: list[Path] = []
    _walk(folder, files, links, seen, left)
    while links:
        link = links.pop(0)
        if link.resolve() in seen:
            left.add(link, _AGAIN)
        else:
            _walk(link, files, links, seen, left)
    return sorted(files)


def files_by_class(directory: Path, tell: Tell) -> list[tuple[Path, str]]:
    """Return the files of a folder with one sub-folder a class, and their classes; `tell` hears what is left
    out, and which classes are empty. Raises OSError.
    """
    left_out = LeftOut(directory)
    found = {folder: files_below(folder, left_out) for folder in folders_in(directory, left_out)}
    say_what_is_missing(left_out, [folder for folder, files in found.items() if not files], tell)
    return [(path, folder.name) for folder, files in found.items() for path in files]


def say_what_is_missing(left_out: LeftOut, empty: list[Path], tell: Tell) -> None:
    """Tell what a listing left out, and which folders of classes hold no file."""
    for sentence in left_out.sentences():
        tell(sentence)
    if empty:
        tell(f"Without a file: {first_of([readable(folder.name) for folder in empty])}.")


def first_of(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    told = ", ".join(names[:_EXAMPLES])
    return told if len(names) <= _EXAMPLES else f"{told} and {len(names) - _EXAMPLES} more"


def silent(_sentence: str) -> None:
    """Tell nobody."""


def write_whole(path: Path, data: bytes) -> None:
    """Write whole or not at all: a reader never meets half a file, and none stays where there is no room.

    Raises OSError.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def _walk(folder: Path, files: list[Path], links: list[Path], seen: set[Path], left: LeftOut) -> None:
    """List `folder` into `files`; links to folders are kept for later, when all real folders are `seen`."""
    seen.add(folder.resolve())
    try:
        inside = sorted(folder.iterdir())
    except OSError:
        left.add(folder, _CLOSED)
        return
    for path in inside:
        if why := _why_not(path):
            left.add(path, why)
        elif path.is_file():
            files.append(path)
        elif path.is_symlink():
            links.append(path)
        else:
            _walk(path, files, links, seen, left)


def _why_not(path: Path) -> str | None:
    """Why this is not part of anybody's data; None where it may be."""
    if path.name.startswith(".") or path.name.lower() in _LITTER:
        return _SYSTEM
    if path.is_file() or path.is_dir():
        return None
    return _NOWHERE if path.is_symlink() else _NO_FILE
