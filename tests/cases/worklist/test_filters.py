"""Each filter of the worklist leaves what it says, and none of them asks for a hidden result."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cases.models import Assignment, Case, Claim, Job
from cases.worklist.filters import WorklistFilter, filtered_cases

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
