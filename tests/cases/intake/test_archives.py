"""Archives are trusted in nothing that they say."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest
from django.core.files.base import ContentFile

from cases.intake.archives import Unpacked
from cases.intake.receipts import Receipt, refusal_of_text
from tests.cases.intake.hospital import zipped


def opened(data: bytes) -> list[tuple[str, str]]:
    """Of each file its name, and its content or the code of what was said of it."""
    files = Unpacked([("scan.zip", ContentFile(data))])
    given = [each.code if isinstance(each, Receipt) else each.read().decode("latin-1") for each in files]
    return list(zip(files.names, given, strict=True))


def test_files_come_out_in_the_order_of_their_names_without_what_systems_put_there() -> None:
    entries = {
        "a/slice10": b"ten",
        "a/slice2": b"two",
        "__MACOSX/a/x": b"",
        "a/.DS_Store": b"",
        "a/DICOMDIR": b"",
    }
    assert opened(zipped(entries)) == [("scan.zip/a/slice2", "two"), ("scan.zip/a/slice10", "ten")]


def test_files_and_receipts_beside_an_archive_pass_with_their_places() -> None:
    given = [
        ("x", ContentFile(b"x")),
        ("z", ContentFile(zipped({"1": b"a", "2": b"b"}))),
        ("t", refusal_of_text()),
    ]
    files = Unpacked(given)
    assert len(list(files)) == 4
    assert files.places == [0, 1, 1, 2]


@pytest.mark.parametrize("name", ["../up", "a/../../up", "/etc/x", "..\\up", "C:\\x"])
def test_entry_that_leads_out_is_refused(name) -> None:
    assert [code for _name, code in opened(zipped({name: b"x", "good": b"y"}))] in (
        ["archive_leads_out", "y"],
        ["y", "archive_leads_out"],
    )


def test_link_is_refused() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert opened(stream.getvalue()) == [("scan.zip/link", "archive_leads_out")]


def test_archive_in_an_archive_is_not_opened() -> None:
    assert opened(zipped({"inner.zip": zipped({"x": b"x"})})) == [("scan.zip/inner.zip", "archive_nested")]


def test_encrypted_file_is_refused_in_words() -> None:
    data = bytearray(zipped({"x": b"secret"}))
    directory = data.index(b"PK\x01\x02")
    for at in (6, directory + 8):
        data[at] |= 1
    assert opened(bytes(data)) == [("scan.zip/x", "archive_encrypted")]


def test_rare_compression_is_refused() -> None:
    assert opened(zipped({"x": b"x" * 99}, zipfile.ZIP_LZMA)) == [("scan.zip/x", "archive_damaged")]


def test_bomb_costs_what_a_file_may(settings) -> None:
    settings.UPLOAD_MAX_BYTES = 1000
    assert opened(zipped({"bomb": bytes(10**7), "good": b"y"})) == [
        ("scan.zip/bomb", "file_too_large"),
        ("scan.zip/good", "y"),
    ]


def test_all_files_together_cost_what_a_request_may(settings) -> None:
    settings.UPLOAD_MAX_REQUEST_BYTES = 1500
    found = opened(zipped({str(number): bytes(1000) for number in range(3)}))
    assert [len(content) == 1000 for _name, content in found] == [True, False, False]
    assert found[1][1] == "file_too_large"


def test_too_many_files_end_the_archive(settings) -> None:
    settings.UPLOAD_MAX_FILES = 2
    found = opened(zipped({str(number): b"x" for number in range(9)}))
    assert [content for _name, content in found] == ["x", "x", "archive_too_many"]


def test_size_that_is_a_lie_is_told_from_the_content() -> None:
    data = bytearray(zipped({"x": b"abc" * 1000}))
    directory = data.index(b"PK\x01\x02")
    for at in (22, directory + 24):
        struct.pack_into("<I", data, at, 1)
    assert opened(bytes(data)) == [("scan.zip/x", "archive_damaged")]


@pytest.mark.parametrize("data", [b"PK\x03\x04 and nothing", zipped({"x": b"abc" * 999})[:40]])
def test_damaged_archive_is_refused(data) -> None:
    assert opened(data) == [("scan.zip", "archive_damaged")]


def test_empty_archive_is_refused() -> None:
    assert opened(zipped({})) == [("scan.zip", "archive_empty")]
