"""A marked picture is deleted, and then looked for everywhere: its bytes, its digests, its patient's name."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.files.base import ContentFile
from django.utils import timezone

from cases import removals, storage
from cases.deletion.ledger import write_missing
from cases.intake.uploads import submit_file
from cases.lifecycle import SendingState
from cases.models import Case, Deletion, FileRemoval, Image, OriginalReference, Sending
from cases.permissions import require_reader
from cases.reading.claims import claim_case
from cases.reading.drafts import save_draft
from inference.canonical import decode_canonical
from portal.backup.rows import lines_of, tables
from tests.cases.deletion.conftest import stored_names
from tests.cases.intake.hospital import slice_file
from tests.cast import sha256_of

pytestmark = pytest.mark.both_databases
NAME, NUMBER = "Marked^Patient", "P-4711"


def everywhere(*folders: Path) -> bytes:
    """Every row of every table, as a backup has it, and every file with its name, of these folders."""
    rows = b"".join(line for table in tables() for line in lines_of(table))
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return rows + b"".join(str(path).encode() + path.read_bytes() for path in paths)


@pytest.fixture
def marked(owner, colleague, second, cohort, model_version, settings, analyse_as, review_as) -> Image:
    """A hospital's picture, of a cohort that keeps references; analysed, read, being read, and to be sent."""
    settings.ORIGINALS_KEYS = [Fernet.generate_key().decode()]
    cohort.keeps_originals = True
    cohort.readers_required = 2
    cohort.save()
    data = slice_file(3, PatientName=NAME, PatientID=NUMBER)
    receipt = submit_file(by=owner, cohort=cohort, file=ContentFile(data))
    case = receipt.case
    assert case is not None
    analyse_as(case)
    review_as(colleague, case, corrected="meningioma")
    reader = require_reader(second, Case.objects.select_related("cohort", "protocol").get(pk=case.pk))
    claim_case(reader=reader)
    save_draft(reader=reader, fields={"comment": "half a word"}, revision=0)
    Sending.objects.create(
        case=case, cohort=cohort, destination="archive", content="c" * 64, next_at=timezone.now()
    )
    image = Image.objects.get()
    assert image.source_sha256 == sha256_of(data)
    return image


def test_deleted_picture_is_nowhere_but_as_a_keyed_digest(marked, delete_case, own_storage, settings) -> None:
    folders = (own_storage, Path(settings.DELETION_LEDGER).parent, Path(tempfile.gettempdir()) / "none")
    picture, reference = storage.load(marked.file), OriginalReference.objects.get()
    series = marked.case.series
    clear = [
        *(marked.source_sha256, Path(marked.file).stem, marked.instance_key, marked.likeness),
        *(str(marked.picture), reference.sealed, series.patient_key, series.study_key, series.series_key),
        *(NAME, NUMBER, "half a word"),
    ]
    before = everywhere(*folders)
    assert picture in before
    assert [text for text in clear[:-3] if text.encode() not in before] == []
    pixels = decode_canonical(picture).tobytes()
    assert len(stored_names()) == 2  # the picture, and its heat maps

    deletion = delete_case(marked.case)
    write_missing()

    after = everywhere(*folders)
    assert [text for text in clear if text.encode() in after] == []
    assert picture not in after
    assert pixels not in after
    assert (stored_names(), FileRemoval.objects.count(), removals.are_waiting()) == (set(), 0, False)
    assert str(deletion.pk).encode() in after
    assert len(deletion.pictures.get().digest) == 32


def test_tombstone_counts_what_went_and_what_stays(marked, delete_case, administrator) -> None:
    deletion = delete_case(marked.case, confirmed_by=None, words="a mark")
    assert deletion.counts == {
        "cases": 1,
        "pictures": 1,
        "maps": 1,
        "analyses": 0,
        "drafts": 1,
        "originals": 1,
        "sendings": 1,
        "results": 1,
        "statements": 1,
        "teaching_reads": 0,
        "sent": 0,
        "snapshots": 0,
    }
    assert (deletion.by, deletion.reason, deletion.words) == (administrator, "name_shown", "a mark")
    sending = Sending.objects.get()
    assert (sending.state, sending.answer) == (SendingState.GIVEN_UP, {"code": "deleted"})


def test_tombstone_can_neither_be_changed_nor_deleted(marked, delete_case) -> None:
    from django.db import DatabaseError, transaction

    deletion = delete_case(marked.case)
    for act in (
        lambda: Deletion.objects.update(words="another"),
        lambda: Deletion.objects.all().delete(),
        lambda: deletion.pictures.update(digest="0" * 32),
        lambda: deletion.pictures.all().delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()
    assert Deletion.objects.get().words == ""
