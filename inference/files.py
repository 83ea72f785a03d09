"""Files on disk: which of a folder's are meant, and how a result is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

# What file managers leave behind in any folder; hidden files and folders are passed over as well.
_LITTER = frozenset({"thumbs.db", "desktop.ini"})


def folders_in(directory: Path) -> list[Path]:
    """Return the sub-folders that are not hidden, sorted."""
    return sorted(path for path in directory.iterdir() if path.is_dir() and not path.name.startswith("."))


def files_below(folder: Path) -> list[Path]:
    """Return the files at any depth below `folder`, sorted, without what systems and managers leave there."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name.lower() not in _LITTER
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


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
