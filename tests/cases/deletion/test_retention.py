"""How long cases are kept: what is proposed, what the command deletes, what is done again after a restore."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from cases import storage
from cases.deletion import retention
from cases.deletion.ledger import read_ledger, write_missing
from cases.deletion.requests import confirm
from cases.deletion.retention import choose_retention
from cases.lifecycle import DeletionKind
from cases.models import Case, Deletion, DeletionRequest
from tests.cases.deletion.conftest import stored_names

pytestmark = pytest.mark.both_databases


def purge(*said: str) -> str:
    out = io.StringIO()
    call_command("purge", *said, stdout=out)
    return out.getvalue().strip()


@pytest.fixture
def old(submit, cohort) -> Case:
    """Received and closed 400 days ago; beside it one that is open, and a younger one."""
    case = submit(seed=1)
    Case.objects.filter(pk=case.pk).update(state="closed", created_at=timezone.now() - timedelta(days=400))
    Case.objects.filter(pk=submit(seed=2).pk).update(created_at=timezone.now() - timedelta(days=400))
    Case.objects.filter(pk=submit(seed=3).pk).update(state="closed")
    return case


def gone() -> list[str]:
    return list(Case.objects.filter(deleted_at__isnull=False).values_list("code", flat=True))


def test_dry_run_says_how_much_and_deletes_nothing(old) -> None:
    said = purge("--older-than", "365", "--dry-run")
    assert said == "North: 1 cases, 1 pictures would go; 0 statements would stay."
    assert (gone(), Deletion.objects.count(), len(stored_names())) == ([], 0, 3)


def test_command_deletes_what_is_over_and_older(old, django_capture_on_commit_callbacks) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        said = purge("--older-than", "365", "--cohort", "North")
    assert said == "North: 1 cases, 1 pictures are deleted; 0 statements stay."
    assert (gone(), len(stored_names())) == ([old.code], 2)
    deletion = Deletion.objects.get()
    assert (deletion.kind, deletion.by, deletion.reason) == (DeletionKind.EXPIRED, None, "retention")
    assert purge("--older-than", "365") == "North: nothing is that old."


def test_case_that_was_spoken_of_lately_is_kept(reviewed_case) -> None:
    Case.objects.update(created_at=timezone.now() - timedelta(days=400))
    assert purge("--older-than", "365") == "North: nothing is that old."
    assert gone() == []


def test_command_that_cannot_be_meant_says_what_to_do(cohort) -> None:
    for said, words in (
        (["--older-than", "0"], "from 1 to 36500. Received 0."),
        (["--older-than", "9", "--cohort", "Nowhere"], "no cohort of this name. Received 'Nowhere'."),
        (["--again", "/nowhere"], "no ledger of deletions there. Received /nowhere."),
        ([], "one of the arguments --older-than --again is required"),
    ):
        with pytest.raises(CommandError, match=words.replace("[", r"\[")):
            purge(*said)


def test_cohort_without_a_period_is_never_proposed(old) -> None:
    assert retention.look_for_expired() == []


def test_expired_cases_are_proposed_once_and_go_when_confirmed(old, administrator, cohort) -> None:
    assert choose_retention(by=administrator, cohort=cohort, days=365) is True
    assert choose_retention(by=administrator, cohort=cohort, days=365) is False
    (asked,) = retention.look_for_expired()
    assert isinstance(asked, DeletionRequest)
    assert (retention.look_for_expired(), gone(), asked.asked_by) == ([], [], None)
    deletion = confirm(by=administrator, asked=asked)
    assert (gone(), deletion.by, deletion.confirmed_by) == ([old.code], administrator, None)


def test_proposal_needs_two_people_where_every_deletion_does(
    old, administrator, make_person, cohort, settings
) -> None:
    settings.DELETION_NEEDS_TWO = settings.RETENTION_DELETES = True
    choose_retention(by=administrator, cohort=cohort, days=365)
    (asked,) = retention.look_for_expired()
    assert confirm(by=administrator, asked=asked) is None
    assert gone() == []
    deputy = make_person("deputy", cohort, "administrator")
    deletion = confirm(by=deputy, asked=asked)
    assert (deletion.by, deletion.confirmed_by, gone()) == (administrator, deputy, [old.code])


def test_expired_cases_go_by_themselves_where_the_operator_says_so(
    old, administrator, cohort, settings
) -> None:
    settings.RETENTION_DELETES = True
    choose_retention(by=administrator, cohort=cohort, days=365)
    (deletion,) = retention.look_for_expired()
    assert (gone(), deletion.by, deletion.counts["cases"]) == ([old.code], None, 1)


def test_deletion_is_done_again_after_a_backup_from_before_it_was_restored(
    reviewed_case, delete_case, administrator, settings, django_capture_on_commit_callbacks
) -> None:
    """The database of before the deletion, which a rollback brings back here, knows nothing of it."""
    image = reviewed_case.images.get()
    picture = storage.load(image.file)
    with transaction.atomic():
        deletion = delete_case(reviewed_case)
        assert (write_missing(), write_missing()) == (1, 0)
        transaction.set_rollback(True)
    storage.store("images", picture, ".png")
    (line,) = read_ledger(Path(settings.DELETION_LEDGER))
    assert (line.deletion, line.images, line.by) == (deletion.pk, (image.pk,), administrator.pk)
    assert (Deletion.objects.count(), gone()) == (0, [])
    assert purge("--again", "--dry-run") == "1 deletions would be done again."
    assert gone() == []
    with django_capture_on_commit_callbacks(execute=True):
        assert purge("--again") == "1 deletions are done again: 1 pictures."
    again = Deletion.objects.get()
    assert (again.pk, again.at, again.by, again.counts) == (
        *(deletion.pk, deletion.at, administrator),
        deletion.counts,
    )
    assert (gone(), Case.objects.get().deleted_at) == ([reviewed_case.code], deletion.at)
    assert not storage.is_there(image.file)
    assert purge("--again") == "0 deletions are done again: 0 pictures."


def test_ledger_names_keys_and_nothing_else(reviewed_case, delete_case, settings) -> None:
    delete_case(reviewed_case, words="words that may hold anything")
    write_missing()
    said = json.loads(Path(settings.DELETION_LEDGER).read_text())
    assert set(said) == {
        *("deletion", "at", "kind", "reason", "cohort", "case", "by", "confirmed_by", "counts", "images"),
    }


def test_line_that_a_crash_cut_off_is_written_anew(submit, delete_case, settings) -> None:
    path = Path(settings.DELETION_LEDGER)
    delete_case(submit(seed=1))
    write_missing()
    whole = path.read_text()
    delete_case(submit(seed=2))
    path.write_text(whole + '{"deletion": "4c0f')
    assert write_missing() == 1
    assert len(read_ledger(path)) == 2
    path.write_text("nonsense\n" + whole)
    with pytest.raises(CommandError, match="Line 1 is no line of a deletion ledger"):
        purge("--again")
