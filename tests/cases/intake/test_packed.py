"""Zips and tars whose own words lie: refused before anything large is read, by an error that is expected."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile

import pytest

from cases.intake import packed


def tar_head(size: int) -> bytes:
    entry = tarfile.TarInfo("slice.dcm")
    entry.size = size
    return entry.tobuf(tarfile.GNU_FORMAT)


def zip_with_list_of(size: int) -> bytes:
    """An end of a zip that says that the list before it is so long."""
    return b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, 1, 1, size, 0, 0)


def zip64_that_leads_to(offset: int) -> bytes:
    locator = b"PK\x06\x07" + struct.pack("<LQL", 0, offset, 1)
    return b"PK\x03\x04" + bytes(40) + locator + zip_with_list_of(0)


def read_all(data: bytes) -> None:
    archive = packed.opened(io.BytesIO(data))
    for member in archive.members():
        archive.read(member, 1000)


@pytest.mark.parametrize(
    "data",
    [
        zip_with_list_of(17 * 2**20),
        zip_with_list_of(100),
        zip64_that_leads_to(2**63 + 1),
        zip64_that_leads_to(10**6),
        b"PK\x03\x04 and nothing more",
        tar_head(2**70)[:512],
        tar_head(10) + b"short",
        tar_head(10)[:300],
        b"x" * 257 + b"ustar" + b"x" * 250,
    ],
)
def test_archive_that_lies_of_itself_is_damaged(data) -> None:
    with pytest.raises(packed.DAMAGED):
        read_all(data)


def test_member_is_read_to_one_byte_over_the_most_that_is_wanted() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("large", bytes(10_000))
    for data in (stream.getvalue(), tar_head(10_000) + bytes(10_240)):
        opened = packed.opened(io.BytesIO(data))
        (member,) = opened.members()
        assert len(opened.read(member, 100)) == 101
        assert len(opened.read(member, 10_000)) == 10_000


def test_times_and_names_of_posix_are_passed_over_unread() -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo("slice.dcm")
        entry.size, entry.mtime = 3, 1.5
        archive.addfile(entry, io.BytesIO(b"abc"))
    opened = packed.opened(stream)
    (member,) = opened.members()
    assert (member.name, member.fault, opened.read(member, 100)) == ("slice.dcm", None, b"abc")


def test_dicom_whose_preamble_is_the_head_of_a_zip_is_no_archive() -> None:
    head = b"PK\x03\x04".ljust(128, b"\0")
    assert packed.is_packed(head)
    assert not packed.is_packed(head + b"DICM")
