"""Each filter of the worklist leaves what it says, and none of them asks for a hidden result."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cases.interim import open_early
from cases.models import Assignment, Case, Claim, Disclosure, Job
from cases.worklist.filters import WorklistFilter, filtered_cases
from cases.worklist.statement_filters import StatementFilter

pytestmark = pytest.mark.both_databases


@pytest.fixture
def four(submit, analyse_as, colleague, second, administrator) -> dict[str, Case]:
    """Cases that are unlike: certain, unsure, refused, and one that still waits for its analysis."""
    cases = {name: submit(seed=seed) for seed, name in enumerate(("certain", "unsure", "refused", "queued"))}
    analyse_as(cases["certain"], "glioma", 0.97, gate_verdict="accepted", gate_distance=1.0)
    analyse_as(cases["unsure"], "pituitary", 0.55, gate_verdict="uncertain", gate_distance=2.0)
    analyse_as(cases["refused"], "glioma", 0.5, gate_verdict="refused", gate_distance=9.0)
    later = timezone.now() + timedelta(minutes=10)
    for name, reader in (("certain", colleague), ("unsure", second)):
        Claim.objects.create(case=cases[name], reader=reader, expires_at=later)
        Assignment.objects.create(case=cases[name], reader=reader, assigned_by=administrator)
    Claim.objects.create(case=cases["refused"], reader=second, expires_at=timezone.now())
    Case.objects.filter(pk=cases["queued"].pk).update(priority=2, created_at=later - timedelta(days=8))
    return cases


LEFT: list[tuple[dict[str, Any], str]] = [
    ({}, "certain unsure refused queued"),
    ({"predicted_class": "glioma"}, "certain"),
    ({"gate_verdict": "refused"}, "refused"),
    ({"uncertainty": "gate"}, "unsure refused"),
    ({"uncertainty": "60"}, "unsure"),
    ({"uncertainty": "95"}, "unsure"),
    ({"assigned": "me"}, "certain"),
    ({"assigned": "somebody"}, "certain unsure"),
    ({"assigned": "nobody"}, "refused queued"),
    ({"claimed": "me"}, "certain"),
    ({"claimed": "somebody"}, "certain unsure"),
    ({"claimed": "nobody"}, "refused queued"),
    ({"age": "-1"}, "certain unsure refused"),
    ({"age": "-7"}, "certain unsure refused"),
    ({"age": "-30"}, "certain unsure refused queued"),
    ({"age": "+7"}, "queued"),
    ({"age": "+30"}, ""),
    ({"priority": 2}, "queued"),
    ({"priority": 0}, "certain unsure refused"),
    ({"awaits_me": True}, "certain refused"),
    ({"awaits_me": True, "assigned": "me"}, "certain"),
    ({"job_status": "queued"}, "queued"),
    ({"job_status": "succeeded", "claimed": "nobody"}, "refused"),
    ({"text": "no such"}, ""),
    ({"text": "nOrT"}, "certain unsure refused queued"),
]


def test_filter_leaves(four, colleague) -> None:
    """All of them on the same four cases, which take longer to make than to look for."""
    for filters, left in LEFT:
        found = filtered_cases(colleague, WorklistFilter(**filters))
        assert {case.code for case in found} == {four[name].code for name in left.split()}, filters


ASKING: list[dict[str, Any]] = [
    {"predicted_class": "glioma"},
    {"gate_verdict": "uncertain"},
    {"uncertainty": "gate"},
    {"uncertainty": "95"},
]


def test_filter_by_the_result_leaves_a_blinded_reader_nothing(
    four, blinded, colleague, administrator
) -> None:
    for filters in ASKING:
        assert not filtered_cases(colleague, WorklistFilter(**filters)).exists(), filters
        assert filtered_cases(administrator, WorklistFilter(**filters)).exists(), filters


def test_filter_by_the_result_leaves_who_may_not_read_nothing(four, owner) -> None:
    for filters in ASKING:
        assert not filtered_cases(owner, WorklistFilter(**filters)).exists(), filters


def test_filter_by_analysis_goes_by_the_one_that_stands(
    four, newer_version, administrator, colleague
) -> None:
    """The older version has succeeded; the active one has not begun."""
    Job.objects.create(image=four["certain"].images.get(), model_version=newer_version)
    found = filtered_cases(colleague, WorklistFilter(job_status="queued"))
    assert {case.code for case in found} == {four["certain"].code, four["queued"].code}


@pytest.fixture
def said(submit, analyse_as, blinded, colleague, second, commit_as, review_as) -> dict[str, Case]:
    """Read in a blinded cohort, of which the network says glioma to all: each by its (truth, reads), and each
    read by reader, committed and final class.
    """
    told = {
        "righted": ("glioma", [(colleague, "meningioma", "glioma")]),
        "misled": ("meningioma", [(colleague, "meningioma", "glioma")]),
        "moved": ("pituitary", [(second, "meningioma", "glioma")]),
        "kept": ("meningioma", [(colleague, "meningioma", "meningioma")]),
        "unknown": ("", [(second, "notumor", "glioma")]),
        "unread": ("glioma", []),
    }
    cases = {}
    for seed, (name, (truth, reads)) in enumerate(told.items()):
        cases[name] = submit(seed=seed, ground_truth=truth)
        analyse_as(cases[name])
        for reader, before, after in reads:
            commit_as(reader, cases[name], before)
            fresh = Case.objects.get(pk=cases[name].pk)
            review_as(reader, fresh, corrected="" if after == "glioma" else after)
    return cases


SAID: list[tuple[dict[str, Any], str]] = [
    ({"verdict": "agree"}, "righted misled moved unknown"),
    ({"verdict": "disagree"}, "kept"),
    ({"read_class": "meningioma"}, "kept"),
    ({"reader": "second"}, "moved unknown"),
    ({"reader": "second", "changed": "any"}, "moved unknown"),
    ({"reader": "colleague", "verdict": "disagree"}, "kept"),
    ({"reader": "second", "verdict": "disagree"}, ""),
    ({"discordance": "network"}, "kept"),
    ({"discordance": "readers"}, ""),
    ({"changed": "any"}, "righted misled moved unknown"),
    ({"changed": "kept"}, "kept"),
]
SAID_OF_TRUTH: list[tuple[dict[str, Any], str]] = [
    ({"changed": "to_right"}, "righted"),
    ({"changed": "to_wrong"}, "misled"),
    ({"changed": "other_wrong"}, "moved"),
    ({"known_class": "glioma"}, "righted unread"),
    ({"known_class": "meningioma", "read_class": "meningioma"}, "kept"),
]


def test_filter_by_what_was_said_is_the_administrators(said, colleague, second, administrator) -> None:
    """All on one set of cases. While the study runs, what tells how right readers are leaves nothing."""
    readers = {"colleague": colleague.pk, "second": second.pk}

    def left(user, filters):
        asked = filters | ({"reader": readers[filters["reader"]]} if "reader" in filters else {})
        return filtered_cases(user, WorklistFilter(said=StatementFilter(**asked)))

    for filters, names in SAID + SAID_OF_TRUTH:
        running = set() if (filters, names) in SAID_OF_TRUTH else {said[name].code for name in names.split()}
        assert {case.code for case in left(administrator, filters)} == running, filters
        assert not left(colleague, filters).exists(), filters
    cohort = said["unread"].cohort
    open_early(by=administrator, cohort=cohort, reason="The board asks for an interim look.")
    for filters, names in SAID_OF_TRUTH:
        found = {case.code for case in left(administrator, filters)}
        assert found == {said[name].code for name in names.split()}, filters
        assert not left(colleague, filters).exists(), filters


def test_readers_who_differ_are_found(
    submit, analyse_as, under_protocol, colleague, second, administrator, review_as
) -> None:
    under_protocol(readers_required=2)
    alike, apart = submit(seed=1), submit(seed=2)
    for case, corrected in ((alike, ""), (apart, "meningioma")):
        analyse_as(case)
        review_as(colleague, case)
        review_as(second, case, corrected=corrected)
    found = filtered_cases(administrator, WorklistFilter(said=StatementFilter(discordance="readers")))
    assert [each.code for each in found] == [apart.code]


def test_page_offers_what_was_said_to_administrators_and_writes_it_down(
    said, colleague, administrator, client_of
) -> None:
    page = client_of(administrator).get("/cases/", {"changed": "any", "reader": str(colleague.pk)})
    assert said["righted"].code in page.content.decode()
    assert said["moved"].code not in page.content.decode()
    shown = Disclosure.objects.filter(user=administrator, kind="peers").values_list("case__code", flat=True)
    assert set(shown) == {said["righted"].code, said["misled"].code}
    page = client_of(colleague).get("/cases/", {"changed": "any"}).content.decode()
    assert "Changed by the network" not in page
    assert said["unread"].code in page
