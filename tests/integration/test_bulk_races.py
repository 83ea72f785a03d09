"""Acts on many cases beside one another, and beside readers, on a real database."""

from __future__ import annotations

from functools import partial

import pytest
from django.db import connection

from cases.analysis import model_files, reanalysis
from cases.analysis.model_versions import activate
from cases.models import AuditEvent, Case, Claim, Image, Membership, ModelVersion
from cases.permissions import require_reader
from cases.reading.claims import SlotTaken, claim_case
from cases.worklist.bulk import BulkPlan, carry_out
from cases.worklist.bulk_acts import Assign, Close
from cases.worklist.moving import Move
from tests.integration.test_reading_races import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs row locks"),
]


@pytest.fixture
def many(submit, analyse_as) -> list[Case]:
    cases = [submit(seed=seed) for seed in range(6)]
    for case in cases:
        analyse_as(case)
    return cases


def test_two_administrators_give_each_case_to_one_reader_once(
    many, administrator, make_person, cohort, second
) -> None:
    other = make_person("other", cohort, "administrator")
    codes = [case.code for case in many]
    found = at_once(
        lambda: carry_out(by=administrator, act=Assign(second), codes=codes),
        lambda: carry_out(by=other, act=Assign(second), codes=codes[::-1]),
    )
    assert all(isinstance(each, BulkPlan) for each in found), found
    assert sorted(len(each.cases) for each in found) == [0, 6]
    assert [case.assignments.count() for case in many] == [1] * 6
    assert AuditEvent.objects.filter(action="case.assigned").count() == 6


def test_two_who_close_the_same_cases_close_each_once(many, administrator) -> None:
    codes = [case.code for case in many]
    found = at_once(
        lambda: carry_out(by=administrator, act=Close(), codes=codes),
        lambda: carry_out(by=administrator, act=Close(), codes=codes[::-1]),
    )
    assert sorted(len(each.cases) for each in found) == [0, 6]
    assert AuditEvent.objects.filter(action="case.closed").count() == 6


def test_case_is_either_claimed_or_closed(many, administrator, colleague) -> None:
    for case in many:
        fresh = Case.objects.select_related("cohort", "protocol").get(pk=case.pk)
        closed, claimed = at_once(
            partial(carry_out, by=administrator, act=Close(), codes=[case.code]),
            partial(claim_case, reader=require_reader(colleague, fresh)),
        )
        case.refresh_from_db()
        if isinstance(claimed, SlotTaken):
            assert (case.state, len(closed.cases)) == ("closed", 1)
        else:
            assert isinstance(claimed, Claim), claimed
            assert (case.state, len(closed.cases)) == ("open", 0)


def test_case_is_moved_to_one_of_two_cohorts_whole(many, administrator, other_cohort) -> None:
    third = type(other_cohort).objects.create(name="East")
    for target in (other_cohort, third):
        Membership.objects.create(user=administrator, cohort=target, role="administrator")
    codes = [case.code for case in many]
    at_once(
        lambda: carry_out(by=administrator, act=Move(other_cohort), codes=codes),
        lambda: carry_out(by=administrator, act=Move(third), codes=codes[::-1]),
    )
    assert set(Case.objects.values_list("cohort", flat=True)) in ({other_cohort.pk}, {third.pk})
    for image in Image.objects.select_related("case"):
        assert image.cohort_id == image.case.cohort_id


def test_result_that_comes_during_an_activation_is_the_one_that_stands(
    submit, analyse_as, administrator, cohort, model_version, newer_version, monkeypatch
) -> None:
    monkeypatch.setattr(model_files, "verified", lambda *_: None)
    case = submit()
    analyse_as(case, "pituitary")
    activate(by=None, version=ModelVersion.objects.get(pk=model_version.pk))
    reanalysis.reanalyse(by=administrator, cohort=cohort)
    at_once(
        lambda: analyse_as(case, "glioma", 0.9),
        lambda: activate(by=None, version=ModelVersion.objects.get(pk=newer_version.pk)),
    )
    case.refresh_from_db()
    assert (case.key_class, case.key_probability) == ("pituitary", 0.7)
