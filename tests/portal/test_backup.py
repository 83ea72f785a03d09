"""A backup into a folder, and the way back into an empty system, row by row and file by file."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import transaction

from cases import storage
from cases.models import AuditEvent, AuditSeal, Case, Image, Prediction, Review
from cases.record.sealing import seal_new
from cases.record.verifying import verify
from portal.accounts.models import User
from portal.backup import making
from portal.backup.archive import Archive
from portal.backup.pool import Pool
from portal.backup.rows import lines_of, put_back, tables

pytestmark = pytest.mark.both_databases
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def backups(settings: Any, tmp_path: Path) -> Path:
    settings.AUDIT_ANCHORS = str(tmp_path / "outside" / "anchors.txt")
    settings.MODEL_DIR = str(tmp_path / "models")
    return tmp_path / "backups"


@pytest.fixture
def reviewed(submit, analyse_as, review_as, colleague) -> Case:
    case: Case = submit()
    analyse_as(case)
    review_as(colleague, case, corrected="meningioma", comment="Ränder, „scharf“.\nZweite Zeile.")
    seal_new()
    return case


@contextmanager
def undone() -> Iterator[None]:
    """The database is afterwards what it was before."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def everything() -> dict[str, list[bytes]]:
    return {table._meta.db_table: list(lines_of(table)) for table in tables()}


def stored_files() -> dict[str, bytes]:
    folder = Path(default_storage.location)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def emptied(settings: Any, folder: Path) -> None:
    """A new data folder, as a new system has one."""
    options = settings.STORAGES["default"].get("OPTIONS", {}) | {"location": str(folder)}
    settings.STORAGES = settings.STORAGES | {"default": settings.STORAGES["default"] | {"OPTIONS": options}}


def made_in(backups: Path) -> Path:
    call_command("backup", backups)
    return making.whole_archives(backups)[-1].folder


@pytest.fixture
def whole(db, backups, reviewed) -> Path:
    """A backup of a reviewed case."""
    return made_in(backups)


# The way back


def test_restored_system_is_the_same_row_by_row_and_file_by_file(
    db, request, backups, settings, tmp_path
) -> None:
    with undone():
        reviewed = request.getfixturevalue("reviewed")
        before, files = everything(), stored_files()
        made = made_in(backups)
    assert not Case.objects.exists()
    emptied(settings, tmp_path / "new-media")
    assert stored_files() == {}
    call_command("restore", made)
    assert everything() == before
    named = set(Archive(made).names())
    assert stored_files() == {name: data for name, data in files.items() if name in named}
    image, prediction = Image.objects.get(), Prediction.objects.get()
    assert storage.is_whole(image.file)
    assert storage.is_whole(prediction.maps_file)
    assert Review.objects.get().comment == "Ränder, „scharf“.\nZweite Zeile."
    assert reviewed.pk == Case.objects.get().pk
    assert list(verify([])) == []
    assert AuditSeal.objects.count() > 0
    # What is added next gets a key of its own.
    User.objects.create_user("new@example.org", "a-long-pass-phrase")
    AuditEvent.objects.create(action="case.opened", subject_type="case", subject=str(reviewed.pk))
    assert User.objects.filter(email="new@example.org").exists()


def test_restore_by_command_into_a_new_sqlite_system(whole, tmp_path) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))},
        "DJANGO_SETTINGS_MODULE": "portal.settings.base",
        "SECONDREAD_VAR": str(tmp_path / "var"),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'new.sqlite3'}",
        "CELERY_BROKER_URL": "memory://",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "restore", str(whole)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = sum(each.rows for each in Archive(whole).manifest().tables.values())
    assert f"Every row is back: {rows} in {len(tables())} tables." in done.stdout
    # The keys of the new system are its own, and that is said.
    assert "SECRET_KEY is another one here." in done.stderr
    assert sorted(path.name for path in (tmp_path / "var" / "media").rglob("*.png")) == sorted(
        Path(name).name for name in Archive(whole).names() if name.startswith("images/")
    )


def test_networks_and_anchors_come_back(db, request, backups, settings, tmp_path) -> None:
    Path(settings.MODEL_DIR).mkdir()
    (Path(settings.MODEL_DIR) / "ours.json").write_text("{}")
    Path(settings.AUDIT_ANCHORS).parent.mkdir()
    Path(settings.AUDIT_ANCHORS).write_text("an anchor\n")
    with undone():
        request.getfixturevalue("reviewed")
        made = made_in(backups)
    emptied(settings, tmp_path / "new-media")
    settings.MODEL_DIR, settings.AUDIT_ANCHORS = str(tmp_path / "m2"), str(tmp_path / "a2" / "anchors.txt")
    call_command("restore", made)
    assert (tmp_path / "m2" / "ours.json").read_text() == "{}"
    assert (tmp_path / "a2" / "anchors.txt").read_text() == "an anchor\n"
    assert not [name for name in stored_files() if name.startswith(("networks/", "anchors/"))]


# What is refused, and leaves everything as it was


def test_system_with_rows_is_not_restored_over(whole) -> None:
    before = everything()
    with pytest.raises(CommandError, match="into an empty system"):
        call_command("restore", whole)
    assert everything() == before


def test_damaged_rows_are_refused(whole) -> None:
    path = whole / "tables" / "cases_review.ndjson.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"meningioma", b"pituitary")))
    with pytest.raises(CommandError, match=r"not those that were written\. Received cases_review"):
        call_command("restore", whole, check=True)


def test_cut_off_file_of_rows_is_refused(whole) -> None:
    path = whole / "tables" / "cases_review.ndjson.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(CommandError, match=r"damaged or missing\. Received 'cases_review\.ndjson\.gz'"):
        call_command("restore", whole, check=True)


@pytest.mark.parametrize("harm", ["changed", "gone"])
def test_damaged_picture_is_named(whole, backups, harm) -> None:
    name = Image.objects.get().file
    picture = backups / "files" / name
    picture.write_bytes(b"another") if harm == "changed" else picture.unlink()
    with pytest.raises(CommandError, match=f"1 of .* damaged or missing: {name}"):
        call_command("restore", whole, check=True)


def test_backup_of_another_version_is_refused(db, request, backups) -> None:
    with undone():
        request.getfixturevalue("reviewed")
        made = made_in(backups)
    manifest = json.loads((made / "manifest.json").read_text())
    manifest["migrations"].append("cases.0099_of_tomorrow")
    (made / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CommandError, match=r"another version .* Received cases\.0099_of_tomorrow"):
        call_command("restore", made)
    assert not Case.objects.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "no folder of one backup"), ("{", "cannot be read"), ('{"form": 2}', "made by a newer version")],
)
def test_folder_that_is_no_backup(db, tmp_path, content, words) -> None:
    if content:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(CommandError, match=words):
        call_command("restore", tmp_path)


def test_other_rows_than_the_backups_undo_the_whole(db, request, backups, monkeypatch) -> None:
    with undone():
        request.getfixturevalue("reviewed")
        made = made_in(backups)
    monkeypatch.setattr(
        "portal.backup.restoring.put_back",
        lambda table, lines: put_back(table, [line.replace(b"meningioma", b"pituitary") for line in lines]),
    )
    with pytest.raises(CommandError, match="not what it was, and the database was left empty"):
        call_command("restore", made)
    assert not User.objects.exists()


# One folder, many backups


@pytest.fixture
def day(monkeypatch) -> Callable[[int], None]:
    """Let backups be made on this day of a month."""

    def choose(number: int) -> None:
        monkeypatch.setattr(making, "_now", lambda: datetime(2031, 1, number, 3, 7, tzinfo=UTC))

    return choose


def in_pool(backups: Path) -> dict[str, int]:
    pool = backups / "files"
    return {
        path.relative_to(pool).as_posix(): path.stat().st_mtime_ns
        for path in pool.rglob("*")
        if path.is_file()
    }


def test_second_backup_copies_what_is_new_alone(db, reviewed, backups, submit, day) -> None:
    day(1)
    first = made_in(backups)
    before = in_pool(backups)
    new = submit(seed=1).images.get().file
    day(2)
    second = made_in(backups)
    after = in_pool(backups)
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {new}
    assert [first.name, second.name] == ["2031-01-01T03-07-00Z", "2031-01-02T03-07-00Z"]
    assert set(Archive(second).names()) - set(Archive(first).names()) == {new}


def test_old_backups_go_with_what_only_they_had(db, reviewed, backups, request, day) -> None:
    with undone():
        gone = request.getfixturevalue("submit")(seed=1).images.get().file
        day(1)
        made_in(backups)
    for number in (2, 3):
        day(number)
        call_command("backup", backups, keep=2)
    assert [archive.folder.name[:10] for archive in making.whole_archives(backups)] == [
        "2031-01-02",
        "2031-01-03",
    ]
    assert gone not in in_pool(backups)
    call_command("restore", making.whole_archives(backups)[0].folder, check=True)


def test_backup_that_stopped_half_way_is_none(db, reviewed, backups, day, monkeypatch) -> None:
    day(1)
    with monkeypatch.context() as full:
        full.setattr(Pool, "keep", raising(OSError(28, "No space left on device")))
        with pytest.raises(CommandError, match=r"No backup was made\. .*No space left"):
            call_command("backup", backups)
    assert making.whole_archives(backups) == []
    made = made_in(backups)
    assert [path.name for path in sorted(backups.iterdir())] == [".lock", made.name, "files"]


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_arguments: Any) -> None:
        raise error

    return fail


def test_two_backups_at_once_into_one_folder(db, backups) -> None:
    backups.mkdir()
    with (backups / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(CommandError, match="Another backup is being made"):
            call_command("backup", backups)


def test_picture_that_the_storage_has_lost_is_named(db, reviewed, backups, capsys) -> None:
    name = Image.objects.get().file
    storage.discard(name)
    made = made_in(backups)
    assert Archive(made).manifest().missing == (name,)
    assert f"1 files that rows name are not in the storage: {name}" in capsys.readouterr().err
    call_command("restore", made, check=True)


def test_picture_that_the_disk_damaged_stops_the_backup(db, reviewed, backups) -> None:
    name = Image.objects.get().file
    (Path(default_storage.location) / name).write_bytes(b"another")
    with pytest.raises(CommandError, match=f"not what was stored there. Received {name}"):
        call_command("backup", backups)
    assert making.whole_archives(backups) == []


def test_backup_is_for_its_owner_alone_and_holds_no_session(whole, backups) -> None:
    assert {path.stat().st_mode & 0o077 for path in (backups, whole, *backups.rglob("*"))} == {0}
    assert not (whole / "tables" / "accounts_session.ndjson.gz").exists()


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_keep_is_one_or_more(backups, number) -> None:
    with pytest.raises(CommandError, match="invalid"):
        call_command("backup", str(backups), f"--keep={number}")
