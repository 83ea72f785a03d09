"""Shadow, bounds, comparison and decision: in this order, each written down, and no reader told of any."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from cases import audit
from cases.analysis import jobs, model_versions, shadow
from cases.analysis.results import current_job, current_result, results_lying_open
from cases.export.snapshots.building import ask_for_snapshot, build_waiting
from cases.governance import acceptance
from cases.governance.verdict import Verdict
from cases.interim import open_early
from cases.lifecycle import AcceptanceStandard
from cases.models import (
    AcceptanceBounds,
    AuditEvent,
    Case,
    Job,
    ModelDecision,
    ModelVersion,
    Prediction,
    ShadowResult,
    Snapshot,
)
from tests.cast import MANIFEST

pytestmark = pytest.mark.both_databases

# (known class, the network in use, the candidate): in use two of four are right, of the candidate three.
CASES = [
    ("glioma", "glioma", "glioma"),
    ("glioma", "meningioma", "glioma"),
    ("meningioma", "glioma", "meningioma"),
    ("notumor", "notumor", "pituitary"),
]
# What the candidate says of everything.
CERTAIN = 0.98765


@pytest.fixture(autouse=True)
def files_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in MODEL_DIR is looked at in tests/cases/analysis/test_model_versions.py."""
    monkeypatch.setattr(model_versions.model_files, "verified", lambda *_named: None)


@pytest.fixture
def candidate(model_version) -> ModelVersion:
    return ModelVersion.objects.create(
        name="candidate", weights_sha256="3" * 64, manifest=MANIFEST | {"id": "candidate"}, is_candidate=True
    )


@pytest.fixture
def root(make_person, cohort):
    person = make_person("root")
    person.is_superuser = True
    person.save()
    return person


@pytest.fixture
def frozen(submit, analyse_as, administrator, cohort) -> Snapshot:
    """A snapshot of four cases that the network in use has analysed."""
    for seed, (truth, said, _candidate) in enumerate(CASES):
        analyse_as(submit(seed=seed, ground_truth=truth), said)
    snapshot = ask_for_snapshot(by=administrator, cohort=cohort)
    build_waiting()
    snapshot.refresh_from_db()
    return snapshot


@pytest.fixture
def shadowed(frozen, candidate, administrator, cohort, analyse_as) -> Snapshot:
    """The candidate has said of each what stands above."""
    assert shadow.run_in_shadow(by=administrator, cohort=cohort, version=candidate) == 4
    said = dict(zip(cohort.cases.order_by("created_at"), CASES, strict=True))
    for case, (_truth, _in_use, predicted) in said.items():
        analyse_as(case, predicted, CERTAIN)
    return frozen


@pytest.fixture
def state(administrator, cohort, candidate):
    def stated(snapshot: Snapshot, **changes) -> AcceptanceBounds:
        given = {
            "by": administrator,
            "cohort": cohort,
            "candidate": candidate,
            "snapshot": snapshot,
            "standard": AcceptanceStandard.KNOWN,
            "margin": 0.5,
            "least_recall": {"glioma": 0.3},
            "least_n": 2,
            "reason": "As the protocol says.",
        }
        return acceptance.state_bounds(**given | changes)

    return stated


@pytest.fixture
def opened(shadowed, state, administrator) -> AcceptanceBounds:
    bounds = state(shadowed)
    acceptance.open_comparison(by=administrator, bounds=bounds)
    return bounds


def test_what_a_candidate_says_lies_apart_and_nobody_is_told(
    shadowed, cohort, colleague, candidate, model_version, client_of, api_of
) -> None:
    assert ShadowResult.objects.filter(model_version=candidate).count() == 4
    assert not Prediction.objects.filter(model_version=candidate).exists()
    case = cohort.cases.get(ground_truth="notumor")
    assert (case.key_class, current_result(colleague, case).predicted_class) == ("notumor", "notumor")
    assert current_job(case).model_version == model_version
    assert {each.model_version for each in results_lying_open(colleague, case)} == {model_version}
    pages = client_of(colleague).get(f"/cases/{case.code}/").content.decode()
    pages += api_of(colleague).get(f"/api/v1/cases/{case.code}/predictions/").content.decode()
    assert "candidate" not in pages
    # No shorter number: a time of day can hold it.
    assert str(CERTAIN) not in pages
    assert "98.8" not in pages


def test_candidate_that_fails_or_waits_leaves_case_and_webhooks_as_they_are(
    frozen, candidate, cohort, administrator, fail_as, model_version
) -> None:
    shadow.run_in_shadow(by=administrator, cohort=cohort, version=candidate)
    case = cohort.cases.order_by("created_at").first()
    assert current_job(case).model_version == model_version
    fail_as(case)
    assert current_job(case).status == "succeeded"
    progress = shadow.progress_in(cohort, candidate)
    assert (progress.images, progress.analysed, progress.in_work, progress.failed) == (4, 0, 3, 1)
    assert progress.to_queue == 1
    assert shadow.run_in_shadow(by=administrator, cohort=cohort, version=candidate) == 1


def test_network_that_was_in_use_never_runs_in_shadow(
    frozen, model_version, newer_version, administrator, colleague, cohort, candidate
) -> None:
    with pytest.raises(ValidationError, match="or was, in use"):
        shadow.run_in_shadow(by=administrator, cohort=cohort, version=model_version)
    with pytest.raises(PermissionDenied):
        shadow.run_in_shadow(by=colleague, cohort=cohort, version=candidate)
    assert not Job.objects.exclude(model_version=model_version).exists()


def test_figures_open_once_bounds_are_stated_and_the_candidate_is_through(
    frozen, candidate, state, administrator, cohort, analyse_as
) -> None:
    bounds = state(frozen)
    with pytest.raises(ValidationError, match="has not analysed all cases"):
        acceptance.open_comparison(by=administrator, bounds=bounds)
    with pytest.raises(ValidationError, match="Open the comparison first"):
        acceptance.decide(by=administrator, bounds=bounds, promote=False, reason="No.")
    shadow.run_in_shadow(by=administrator, cohort=cohort, version=candidate)
    for case in list(cohort.cases.all())[1:]:
        analyse_as(case)
    with pytest.raises(ValidationError, match="has not analysed all cases"):
        acceptance.open_comparison(by=administrator, bounds=bounds)
    analyse_as(cohort.cases.first())
    acceptance.open_comparison(by=administrator, bounds=bounds)
    acceptance.open_comparison(by=administrator, bounds=bounds)
    assert AuditEvent.objects.filter(action="acceptance.opened").count() == 1


def test_comparison_counts_what_both_said_of_the_frozen_cases(opened) -> None:
    found = acceptance.comparison_of(opened)
    pairs = found.pairs
    assert (pairs.both, pairs.only_first, pairs.only_second, pairs.neither) == (1, 2, 1, 0)
    assert (found.first.hits, found.second.hits, found.difference.value) == (2, 3, 0.25)
    glioma = next(each for each in found.classes if each.code == "glioma")
    assert (glioma.first.hits, glioma.second.hits, glioma.second.n) == (1, 2, 2)
    assert glioma.verdict == found.verdict == Verdict.MET


def test_later_truth_moves_nothing_and_a_refused_or_trained_picture_counts_as_it_should(
    frozen, candidate, state, cohort, administrator, analyse_as
) -> None:
    shadow.run_in_shadow(by=administrator, cohort=cohort, version=candidate)
    first, second, third, last = cohort.cases.order_by("created_at")
    analyse_as(first, "glioma", gate_verdict="refused", gate_distance=9.0)
    analyse_as(second, "glioma", in_training=True)
    analyse_as(third, "meningioma")
    jobs_left = Job.objects.filter(model_version=candidate, image__case=last)
    jobs_left.update(status="failed")
    Case.objects.update(ground_truth="pituitary")
    bounds = state(frozen)
    acceptance.open_comparison(by=administrator, bounds=bounds)
    found = acceptance.comparison_of(bounds)
    assert (found.pairs.both, found.pairs.only_first, found.pairs.only_second) == (0, 1, 2)
    assert (found.left_out, found.without_result) == ({"trained_on": 1}, 1)


def test_reviewed_class_stands_where_no_class_is_known(
    submit, analyse_as, review_as, colleague, administrator, cohort, candidate, state
) -> None:
    case = submit(seed=9)
    analyse_as(case, "glioma")
    review_as(colleague, case, corrected="meningioma")
    snapshot = ask_for_snapshot(by=administrator, cohort=cohort)
    build_waiting()
    snapshot.refresh_from_db()
    shadow.run_in_shadow(by=administrator, cohort=cohort, version=candidate)
    analyse_as(case, "meningioma")
    bounds = state(snapshot, standard=AcceptanceStandard.REVIEWED, least_recall={})
    acceptance.open_comparison(by=administrator, bounds=bounds)
    assert acceptance.comparison_of(bounds).pairs.only_first == 1
    acceptance.decide(by=administrator, bounds=bounds, promote=False, reason="Too few.")
    known = state(snapshot, standard=AcceptanceStandard.KNOWN)
    acceptance.open_comparison(by=administrator, bounds=known)
    assert acceptance.comparison_of(known).left_out == {"no_answer": 1}


def test_promotion_activates_and_what_was_said_in_shadow_is_a_prediction(
    opened, root, candidate, model_version, cohort
) -> None:
    audit.record(by=None, action=model_versions.ACTIVATED, subject=model_version, name=model_version.name)
    decision = acceptance.decide(by=root, bounds=opened, promote=True, reason="Every bound is met.")
    assert (decision.is_promoted, decision.figures["verdict"]) == (True, "met")
    candidate.refresh_from_db()
    assert (candidate.is_active, candidate.is_candidate) == (True, False)
    assert Prediction.objects.filter(model_version=candidate).count() == 4
    assert cohort.cases.get(ground_truth="notumor").key_class == "pituitary"
    event = AuditEvent.objects.get(action="model.promoted")
    assert (event.actor, event.details["verdict"]) == (root, "met")
    assert model_versions.roll_back(by=root, version=candidate) == model_version
    assert cohort.cases.get(ground_truth="notumor").key_class == "notumor"


def test_only_the_site_promotes_only_what_meets_its_bounds_and_only_once(
    opened, administrator, root, state, shadowed
) -> None:
    with pytest.raises(PermissionDenied):
        acceptance.decide(by=administrator, bounds=opened, promote=True, reason="Good.")
    with pytest.raises(ValidationError, match="Say why"):
        acceptance.decide(by=administrator, bounds=opened, promote=False, reason=" ")
    assert not ModelDecision.objects.exists()
    acceptance.decide(by=administrator, bounds=opened, promote=False, reason="A class is rare.")
    with pytest.raises(ValidationError, match="already"):
        acceptance.decide(by=root, bounds=opened, promote=True, reason="Good.")
    strict = state(shadowed, least_recall={"glioma": 0.99})
    acceptance.open_comparison(by=root, bounds=strict)
    with pytest.raises(ValidationError, match="not met"):
        acceptance.decide(by=root, bounds=strict, promote=True, reason="Good.")
    assert not ModelVersion.objects.filter(name="candidate", is_active=True).exists()


def test_candidate_compared_with_a_network_that_left_is_not_promoted(opened, root, newer_version) -> None:
    with pytest.raises(ValidationError, match="not in use any more"):
        acceptance.decide(by=root, bounds=opened, promote=True, reason="Good.")


def test_bounds_wait_for_their_decision_before_others_are_stated(opened, state, shadowed) -> None:
    with pytest.raises(ValidationError, match="wait for a decision"):
        state(shadowed, margin=0.1)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": " "}, "Say why"),
        ({"margin": 0.6}, "between 0 and 50"),
        ({"least_recall": {"glioma": 1.2}}, "between 0 and 100"),
    ],
)
def test_bounds_that_cannot_hold_are_refused(frozen, state, changes, said) -> None:
    with pytest.raises(ValidationError, match=said):
        state(frozen, **changes)
    assert not AcceptanceBounds.objects.exists()


def test_bounds_need_a_candidate_and_a_snapshot_that_is_ready(
    frozen, state, model_version, administrator, cohort, colleague
) -> None:
    with pytest.raises(ValidationError, match="no candidate"):
        state(frozen, candidate=model_version)
    waiting = ask_for_snapshot(by=administrator, cohort=cohort)
    with pytest.raises(ValidationError, match="that is ready"):
        state(waiting)
    with pytest.raises(PermissionDenied):
        state(frozen, by=colleague)
    assert not AcceptanceBounds.objects.exists()


def test_comparison_of_a_running_blinded_study_is_closed(
    shadowed, state, under_protocol, administrator, cohort
) -> None:
    bounds = state(shadowed)
    under_protocol(reading="blinded")
    bounds.refresh_from_db()
    with pytest.raises(ValidationError, match="closed until it ends"):
        acceptance.open_comparison(by=administrator, bounds=bounds)
    open_early(by=administrator, cohort=cohort, reason="An interim look.")
    acceptance.open_comparison(by=administrator, bounds=bounds)


def test_result_that_comes_after_the_promotion_is_a_prediction(
    shadowed, candidate, root, cohort, submit, administrator
) -> None:
    late = submit(seed=50)
    shadow.run_in_shadow(by=administrator, cohort=cohort, version=candidate)
    claim = jobs.lease(Job.objects.get(image__case=late, model_version=candidate).pk)
    model_versions.activate(by=root, version=candidate)
    result = jobs.Result(
        "glioma", {"glioma": 0.7, "meningioma": 0.1, "notumor": 0.1, "pituitary": 0.1}, b"maps", 0.1
    )
    assert jobs.complete(claim, result)
    assert Prediction.objects.filter(image__case=late, model_version=candidate).exists()
    assert not ShadowResult.objects.filter(image__case=late).exists()
