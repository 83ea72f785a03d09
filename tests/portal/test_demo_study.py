"""The finished study of the demonstration: marked as simulated, made once, with something on every card."""

from datetime import timedelta

import pytest
from django.db.models import F, Max, Min
from django.utils import timezone

from cases.evidence.page import evidence_of
from cases.evidence.study import StudyFilter
from cases.governance.drift import baseline_of, weeks_since
from cases.interim import figures_are_closed
from cases.lifecycle import WEEKLY_RULES, DriftRule, JobStatus
from cases.models import Case, Cohort, FirstRead, Job, Prediction, Review
from cases.people.memberships import add_member
from cases.roles import Role
from portal.accounts.models import User
from portal.demo_study import READERS, STUDY_CASES, WEEKS, freeze_first_weeks, simulate_study

NOTHING_TO_DRAW = {"agreement", "confusion", "hardest"}


@pytest.fixture
def study(submit, analyse_as, cohort, model_version, newer_version) -> Cohort:
    for seed, code in enumerate(("glioma", "meningioma", "notumor", "pituitary")):
        analyse_as(submit(seed=seed, ground_truth=code, is_simulated=True))
    made = simulate_study(cohort, [model_version, newer_version])
    assert made is not None
    return made


def test_every_card_has_something_to_show(study, cohort, model_version, newer_version) -> None:
    assert study.cases.filter(is_simulated=True).count() == study.cases.count() == STUDY_CASES
    assert Review.objects.filter(case__cohort=study).count() == STUDY_CASES * len(READERS)
    assert Prediction.objects.filter(image__cohort=study).count() == 2 * STUDY_CASES
    # No row of the worklist names a class and no analysis.
    assert Job.objects.filter(image__cohort=study, status=JobStatus.SUCCEEDED).count() == 2 * STUDY_CASES
    assert not figures_are_closed(study)
    found = evidence_of(study, StudyFilter())
    assert found.is_simulated
    assert {card.name for card in found.cards if card.table is None} == set()
    assert {card.name for card in found.cards if card.drawing is None} == NOTHING_TO_DRAW
    assert simulate_study(cohort, [model_version, newer_version]) is None


def test_cases_come_before_their_reads_over_weeks_of_which_the_first_are_the_baseline(
    study, administrator
) -> None:
    assert not Review.objects.filter(case__cohort=study, created_at__lt=F("case__created_at")).exists()
    assert not FirstRead.objects.filter(case__cohort=study, created_at__lt=F("case__created_at")).exists()
    assert not Job.objects.filter(image__cohort=study, queued_at__gt=timezone.now()).exists()
    received = study.cases.aggregate(first=Min("created_at"), last=Max("created_at"))
    assert (received["last"] - received["first"]) // timedelta(weeks=1) == WEEKS - 1
    add_member(by=None, cohort=study, user=administrator, role=Role.ADMINISTRATOR)
    freeze_first_weeks(study, administrator)
    weeks = weeks_since(baseline_of(study), most=WEEKS)
    assert set(weeks) == set(WEEKLY_RULES)
    assert all(week.is_judged for week in weeks[DriftRule.DISAGREEMENT])


def test_simulated_readers_cannot_sign_in(study) -> None:
    readers = User.objects.filter(email__startswith="simulated-")
    assert readers.count() == len(READERS)
    assert not any(reader.is_active or reader.has_usable_password() for reader in readers)


def test_nothing_is_simulated_without_pictures(cohort, model_version) -> None:
    assert simulate_study(cohort, [model_version]) is None
    assert not Case.objects.exists()
