"""Files out of a zip or a tar, one after the other, and the halves of a NIfTI pair as one file.

An archive is not trusted in anything that it says: not in names, sizes or counts. Nothing of it is ever
written under a name of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.utils.translation import gettext as _t

from cases.intake import packed
from cases.intake.names import natural_key
from cases.intake.receipts import Given, Outcome, Receipt, refusal_of_oversized
from inference.formats import FORMATS, nifti

_GZIP = b"\x1f\x8b"
# What systems put beside the pictures, of which nobody need hear.
SYSTEM_FILES = frozenset({".ds_store", "thumbs.db", "desktop.ini", "dicomdir", "autorun.inf"})
SYSTEM_FOLDER = "__MACOSX"
_HALVES = (".hdr", ".img")
# A NIfTI header, packed or not.
_HEAD_BYTES = 65536


@dataclass
class _Budget:
    """What all archives of one request may still unpack to. files: how many there are, as far as is known."""

    bytes_left: int
    files_left: int
    most_files: int
    files: int = 0


@dataclass(frozen=True)
class _Entry:
    """A file as it is taken in. place: that of the file in the request that it came in, or out of."""

    place: int
    name: str
    given: Given


class Unpacked:
    """The files of a request, with what is in an archive instead of the archive, and a NIfTI pair as one.

    Of an archive one file at a time is in memory. What cannot be taken out is a receipt that says why.
    `names` and `places` grow while the files are read. expected: of how many files it is known before.
    """

    def __init__(
        self,
        files: Iterable[tuple[str, Given]],
        *,
        most_bytes: int | None = None,
        most_files: int | None = None,
        expected: int = 0,
    ) -> None:
        self.names: list[str] = []
        self.places: list[int] = []
        self._files = files
        most = most_files or settings.UPLOAD_MAX_FILES
        self._expected = expected
        self._budget = _Budget(most_bytes or settings.UPLOAD_MAX_REQUEST_BYTES, most, most)

    @property
    def total(self) -> int:
        """How many files there are, as far as archives were opened; at least as many as are expected."""
        return max(self._budget.files, self._expected)

    def __iter__(self) -> Iterator[Given]:
        for entry in _joined(_flattened(self._files, self._budget)):
            self.names.append(entry.name)
            self.places.append(entry.place)
            yield entry.given


def _flattened(files: Iterable[tuple[str, Given]], budget: _Budget) -> Iterator[_Entry]:
    for place, (name, given) in enumerate(files):
        if isinstance(given, Receipt) or not is_archive(given):
            budget.files += 1
            yield _Entry(place, name, given)
        else:
            for inner, taken in _out_of(name, given, budget):
                yield _Entry(place, inner, taken)


def is_archive(file: File[bytes]) -> bool:
    """Whether the content is that of a zip or a tar."""
    file.seek(0)
    head = file.read(packed.HEAD_BYTES)
    file.seek(0)
    return packed.is_packed(head)


def _out_of(name: str, file: File[bytes], budget: _Budget) -> Iterator[tuple[str, Given]]:
    stream: IO[bytes] = file.file if file.file is not None else file
    try:
        with closing(packed.opened(stream)) as archive:
            members = [member for member in archive.members() if not _is_left_out(member)]
            members.sort(key=lambda member: natural_key(member.name))
            budget.files += min(len(members), budget.files_left + 1)
            if not members:
                yield name, _refusal("archive_empty", _t("There is no file in this archive."))
            for member in members:
                # What packed many files into one for its way has no name of its own.
                inner = f"{name}/{member.name}" if name else member.name
                yield inner, _taken_out(archive, member, budget)
                if budget.files_left < 0:
                    return
    except packed.DAMAGED:
        yield name, _refusal_of_damaged()


def _is_left_out(member: packed.Member) -> bool:
    parts = PurePosixPath(member.name.replace("\\", "/")).parts
    is_system = bool(parts) and (parts[0] == SYSTEM_FOLDER or parts[-1].lower() in SYSTEM_FILES)
    return member.is_folder or is_system


def _taken_out(archive: packed.Zip | packed.Tar, member: packed.Member, budget: _Budget) -> Given:
    budget.files_left -= 1
    if budget.files_left < 0:
        sentence = _t("The archive holds more than %(most)d files. Pack fewer; those before this one are in.")
        return _refusal("archive_too_many", sentence % {"most": budget.most_files})
    if refusal := _refusal_of(member):
        return refusal
    most = min(settings.UPLOAD_MAX_BYTES, budget.bytes_left)
    try:
        data = archive.read(member, most)
    except packed.DAMAGED:
        sentence = _t("This file is damaged in the archive, or says another size than it has. Pack it again.")
        return _refusal("archive_damaged", sentence)
    budget.bytes_left -= min(len(data), most)
    if len(data) > most:
        return refusal_of_oversized()
    if packed.is_packed(data[: packed.HEAD_BYTES]):
        sentence = _t("An archive in an archive is not opened. Unpack it, and send what is in it.")
        return _refusal("archive_nested", sentence)
    return ContentFile(data)


def _refusal_of(member: packed.Member) -> Receipt | None:
    """What speaks against a member before anything of it is read."""
    if member.fault is packed.Fault.ENCRYPTED:
        sentence = _t("This file is encrypted. Pack the files without a password.")
        return _refusal("archive_encrypted", sentence)
    if member.fault is packed.Fault.LEADS_OUT:
        sentence = _t("This entry leads out of the archive. Pack the files themselves, without links.")
        return _refusal("archive_leads_out", sentence)
    return _refusal_of_damaged() if member.fault else None


def _refusal_of_damaged() -> Receipt:
    sentence = _t("The archive is damaged or of a rare kind. Pack it again, as a plain zip.")
    return _refusal("archive_damaged", sentence)


def _joined(entries: Iterator[_Entry]) -> Iterator[_Entry]:
    """Each .hdr with its .img: by their names, since nothing else tells which belong together."""
    waiting: dict[str, _Entry] = {}
    for entry in entries:
        stem, suffix = _stem_and_suffix(entry.name)
        if isinstance(entry.given, Receipt) or suffix not in _HALVES or not _is_half(entry.given, suffix):
            yield entry
            continue
        other = waiting.pop(stem, None)
        if other is None or _stem_and_suffix(other.name)[1] == suffix:
            waiting[stem] = entry
            if other is not None:
                yield other
            continue
        header, pixels = (entry, other) if suffix == ".hdr" else (other, entry)
        yield _Entry(
            header.place, header.name, ContentFile(nifti.join_pair(_content(header), _content(pixels)))
        )
    yield from waiting.values()


def _is_half(file: File[bytes], suffix: str) -> bool:
    """An .img tells nothing of itself; one that is a picture or a volume is no half."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    return nifti.is_half(head) if suffix == ".hdr" else not _is_known(head)


def _is_known(head: bytes) -> bool:
    is_packed = head[:2] == _GZIP  # of a packed half nothing can be told either
    return any(each.matches(head[:512]) for each in FORMATS if each is not nifti.FORMAT or not is_packed)


def _content(entry: _Entry) -> bytes:
    file: File[bytes] = entry.given  # type: ignore[assignment]  # receipts were handed on before
    file.seek(0)
    data: bytes = file.read()
    return data


def _stem_and_suffix(name: str) -> tuple[str, str]:
    path = PurePosixPath(name.lower().removesuffix(".gz"))
    return str(path.with_suffix("")) if path.name else "", path.suffix


def _refusal(code: str, message: str) -> Receipt:
    return Receipt(Outcome.REFUSED, None, code, message)
