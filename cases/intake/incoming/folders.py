"""Folders that the operator has named: what lies in them, to be chosen from and to be read.

Every step goes from an open folder into one that it holds, and follows no link, so that nothing leads out,
not even what is exchanged meanwhile. What is hidden is passed over. A subfolder may be named after a patient:
an address names it by a digest. A truth.csv in the chosen folder itself is none of its images: it gives their
known classes (known.py).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, TypeAlias

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _t

from cases.intake import packed
from cases.intake.archives import SYSTEM_FILES, SYSTEM_FOLDER
from cases.intake.names import natural_key
from cases.intake.receipts import Given, Outcome, Receipt, refusal_of_oversized

# The names that lead from the named folder to what is meant, as the system has them.
Way: TypeAlias = tuple[str, ...]

# Of one page, and of all that is looked through for one import: names are in memory.
MOST_ENTRIES_SHOWN = 5_000
MOST_ENTRIES = 100_000
MOST_STEPS = 16
TRUTH_FILE = "truth.csv"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Not blocking: a pipe would be waited for.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TOKEN_LENGTH = 16


class FolderUnusable(Exception):
    """Nothing can be imported from there; the message says what to do."""


@dataclass(frozen=True)
class Subfolder:
    """A folder that can be chosen; token: the way to it, as an address may name it."""

    name: str
    token: str


@dataclass(frozen=True)
class Listing:
    """What lies in a folder. trail: the way to it, from the named one, which is nameless here. is_cut: there
    is more than is listed. has_truth: beside the files that are counted lies one with their known classes.
    """

    trail: list[Subfolder]
    subfolders: list[Subfolder]
    files: int
    is_cut: bool
    has_truth: bool = False

    @property
    def way(self) -> Way:
        return tuple(step.name for step in self.trail[1:])

    @property
    def token(self) -> str:
        return self.trail[-1].token

    @property
    def is_empty(self) -> bool:
        return not (self.subfolders or self.files or self.is_cut)


def named_folders() -> list[str]:
    """The names, in the order of people."""
    return sorted(settings.IMPORT_FOLDERS, key=natural_key)


def listing(folder: str, token: str) -> Listing:
    """The folder that the token names. Raises FolderUnusable."""
    steps = [step for step in token.split(".") if step]
    if len(steps) > MOST_STEPS:
        raise _gone()
    with _root(folder) as root:
        here = _listing(root, folder, [Subfolder("", "")])
        for at in range(len(steps)):
            token = ".".join(steps[: at + 1])
            below = next((each for each in here.subfolders if each.token == token), None)
            if below is None:
                raise _gone()
            here = _listing(root, folder, [*here.trail, below])
        return here


def _listing(root: int, folder: str, trail: list[Subfolder]) -> Listing:
    subfolders: list[Subfolder] = []
    files, is_cut, has_truth = 0, False, False
    way = tuple(step.name for step in trail[1:])
    try:
        with _within(root, way) as here, os.scandir(here) as entries:
            for count, entry in enumerate(entries):
                if count >= MOST_ENTRIES_SHOWN:
                    return Listing(trail, _sorted(subfolders), files, is_cut=True, has_truth=has_truth)
                if _is_hidden(entry):
                    continue
                if _is_truth(entry):
                    has_truth = True
                elif not entry.is_dir(follow_symlinks=False):
                    files += 1
                elif not entry.name.isprintable():  # it is no text that could be said
                    is_cut = True
                else:
                    token = f"{trail[-1].token}.{_step(folder, way, entry.name)}".lstrip(".")
                    subfolders.append(Subfolder(entry.name, token))
    except OSError:
        raise _gone() from None
    return Listing(trail, _sorted(subfolders), files, is_cut, has_truth)


def _sorted(subfolders: list[Subfolder]) -> list[Subfolder]:
    return sorted(subfolders, key=lambda each: natural_key(each.name))


def _step(folder: str, way: Way, name: str) -> str:
    whole = "\0".join([folder, *way, name])
    return salted_hmac("cases.intake.incoming.folders", whole, algorithm="sha256").hexdigest()[:_TOKEN_LENGTH]


class FolderFiles:
    """The files of an open folder and of all below it, by name and content, one in memory after the other."""

    def __init__(self, here: int) -> None:
        self._here = here
        self._ways = _files_below(here)

    def __len__(self) -> int:
        return len(self._ways)

    def __iter__(self) -> Iterator[tuple[str, Given]]:
        for way in self._ways:
            try:
                with _within(self._here, way[:-1]) as folder:
                    file = os.open(way[-1], _FILE, dir_fd=folder)
            except OSError as error:
                yield _shown(way), _refusal_of_unopened(error)
                continue
            with os.fdopen(file, "rb") as stream:
                yield _shown(way), _given(stream)


@contextmanager
def opened(folder: str, place: str) -> Iterator[FolderFiles]:
    """The files at a place of a folder. Raises FolderUnusable."""
    with ExitStack() as closed, _root(folder) as root:
        try:
            here = closed.enter_context(_within(root, tuple(filter(None, place.split("/")))))
            files = FolderFiles(here)
        except OSError:
            raise _gone() from None
        yield files


def truth_at(folder: str, place: str, most_bytes: int) -> bytes | None:
    """What the file with the known classes holds, as far as one byte more than it may; nothing where there is
    none at this place. Raises FolderUnusable.
    """
    with _root(folder) as root:
        try:
            with (
                _within(root, tuple(filter(None, place.split("/")))) as here,
                open(TRUTH_FILE, "rb", opener=lambda name, _: os.open(name, _FILE, dir_fd=here)) as stream,
            ):
                if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                    return stream.read(most_bytes + 1)
        except (FileNotFoundError, IsADirectoryError):
            return None
        except OSError as error:
            raise _truth_unusable(_refusal_of_unopened(error)) from None
    raise _truth_unusable(_refusal_of_no_file())


def _truth_unusable(why: Receipt) -> FolderUnusable:
    return FolderUnusable(f"{TRUTH_FILE}: {why.message}")


def _given(stream: IO[bytes]) -> Given:
    """An archive stays as it is, to be read piece by piece; anything else is read as far as a file may go."""
    try:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            return _refusal_of_no_file()
        head = stream.read(packed.HEAD_BYTES)
        if packed.is_packed(head):
            return File(stream, name="")
        data = head + stream.read(settings.UPLOAD_MAX_BYTES + 1 - len(head))
    except OSError as error:
        return _refusal_of_unopened(error)
    return refusal_of_oversized() if len(data) > settings.UPLOAD_MAX_BYTES else ContentFile(data)


def _files_below(here: int) -> list[Way]:
    """All that is no folder, and folders that cannot be read, which are refused as files are."""
    found: list[Way] = []
    waiting: list[Way] = [()]
    seen = 0
    while waiting:
        way = waiting.pop()
        try:
            with _within(here, way) as folder, os.scandir(folder) as entries:
                for entry in entries:
                    seen += 1
                    if not (_is_hidden(entry) or (not way and _is_truth(entry))):
                        below = entry.is_dir(follow_symlinks=False) and len(way) < MOST_STEPS
                        (waiting if below else found).append((*way, entry.name))
                    if seen > MOST_ENTRIES or len(found) > settings.UPLOAD_PIECES_MAX_FILES:
                        raise _too_many()
        except OSError:
            if not way:
                raise
            found.append(way)
    if not found:
        raise FolderUnusable(_t("There is no file in this folder. Choose another one."))
    return sorted(found, key=lambda each: natural_key(_shown(each)))


@contextmanager
def _root(folder: str) -> Iterator[int]:
    if folder not in settings.IMPORT_FOLDERS:
        raise FolderUnusable(_t("Your administrator offers no folder of this name any more."))
    try:
        # What the operator has named may itself be a link.
        opened_root = os.open(settings.IMPORT_FOLDERS[folder], _FOLDER & ~os.O_NOFOLLOW)
    except OSError:
        sentence = _t("The folder “%(name)s” cannot be read. Ask your administrator to make it readable.")
        raise FolderUnusable(sentence % {"name": folder}) from None
    try:
        yield opened_root
    finally:
        os.close(opened_root)


@contextmanager
def _within(start: int, way: Sequence[str]) -> Iterator[int]:
    """The folder at the end of the way, open. Raises OSError."""
    here = os.dup(start)
    try:
        for name in way:
            if name in ("", ".", "..") or "/" in name:
                raise FileNotFoundError(errno.ENOENT, "No such step")
            below = os.open(name, _FOLDER, dir_fd=here)
            os.close(here)
            here = below
        yield here
    finally:
        os.close(here)


def _is_hidden(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith("."):
        return True
    is_folder = entry.is_dir(follow_symlinks=False)
    return entry.name == SYSTEM_FOLDER if is_folder else entry.name.lower() in SYSTEM_FILES


def _is_truth(entry: os.DirEntry[str]) -> bool:
    return entry.name == TRUTH_FILE and not entry.is_dir(follow_symlinks=False)


def _shown(way: Way) -> str:
    return os.fsencode("/".join(way)).decode("utf-8", "replace")


def _gone() -> FolderUnusable:
    return FolderUnusable(_t("This folder is gone, or the portal may not read it. Choose another one."))


def _too_many() -> FolderUnusable:
    sentence = _t("There are more than %(most)d files in this folder. Choose one of its subfolders.")
    return FolderUnusable(sentence % {"most": settings.UPLOAD_PIECES_MAX_FILES})


def _refusal_of_unopened(error: OSError) -> Receipt:
    if error.errno == errno.ELOOP:
        return _refusal("link", _t("This is a link, and links are not followed. Copy the file itself here."))
    sentence = _t("This cannot be read: it is gone, or the portal may not read it. Tell your administrator.")
    return _refusal("unreadable", sentence)


def _refusal_of_no_file() -> Receipt:
    return _refusal("no_file", _t("This is no plain file. Copy the file itself into the folder."))


def _refusal(code: str, message: str) -> Receipt:
    return Receipt(Outcome.REFUSED, None, code, message)
