"""The finished study of the demonstration: marked as simulated, made once, with something on every card."""

import pytest

from cases.evidence.page import evidence_of
from cases.evidence.study import StudyFilter
from cases.interim import figures_are_closed
from cases.lifecycle import JobStatus
from cases.models import Case, Cohort, Job, Prediction, Review
from portal.accounts.models import User
from portal.demo_study import READERS, STUDY_CASES, simulate_study

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


def test_simulated_readers_cannot_sign_in(study) -> None:
    readers = User.objects.filter(email__startswith="simulated-")
    assert readers.count() == len(READERS)
    assert not any(reader.is_active or reader.has_usable_password() for reader in readers)


def test_nothing_is_simulated_without_pictures(cohort, model_version) -> None:
    assert simulate_study(cohort, [model_version]) is None
    assert not Case.objects.exists()
