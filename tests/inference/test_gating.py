from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from inference.__main__ import main
from inference.errors import DataError
from inference.manifest import load_manifest
from inference.predictor import Predictor
from inference.training import gate_report as gate_report_module
from inference.training.data import read_pixels, read_samples
from inference.training.folds import held_out
from inference.training.gate_report import _auroc, _auroc_interval, _coverage, gate_report
from inference.training.gating import Thresholds, answers, distances_from, fit_gate, thresholds_of
from inference.training.out_of_domain import OutOfDomain
from tests.inference.tiny import CODES, write_cohort

OPEN = Thresholds(3.0, 2.0, 0.5)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("cohort")
    write_cohort(directory, per_class=16)
    return directory


@pytest.fixture(scope="module")
def stripes() -> list[OutOfDomain]:
    rows = np.arange(40)[:, None] // np.array([[1], [2], [4], [8]])[:, None] % 2 * np.full(40, 255)
    constant = [OutOfDomain("empty", "constant", np.full((40, 40), grey, np.uint8)) for grey in (0, 90)]
    return [
        *constant,
        *(OutOfDomain("stripes", f"stripes {n}", r.astype(np.uint8)) for n, r in enumerate(rows)),
    ]


@pytest.fixture(scope="module")
def report(cohort: Path, models: list[Path], stripes: list[OutOfDomain]) -> dict:
    samples = read_samples(cohort, cohort / "manifest.csv", CODES)
    return gate_report(held_out([load_manifest(path) for path in models]), samples, stripes)


def test_gate_gives_the_training_unit_mean_square_distance() -> None:
    rng = np.random.default_rng(0)
    mixed = rng.normal(0, 1, (4000, 5)) @ rng.normal(0, 3, (5, 5)) + 7.0
    gate = fit_gate(mixed.astype(np.float32), OPEN)
    assert np.mean(distances_from(gate, mixed.astype(np.float32)) ** 2) == pytest.approx(1.0, abs=0.05)
    assert (gate.refuse_above, gate.uncertain_above, gate.uncertain_below_confidence) == (3.0, 2.0, 0.5)


def test_gate_notices_what_no_single_number_shows() -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(0, 1, 2000)
    correlated = np.column_stack([first, first + rng.normal(0, 0.1, 2000)]).astype(np.float32)
    gate = fit_gate(correlated, OPEN)
    assert gate.distance(np.array([1.0, 1.0], np.float32)) < 1.5
    assert gate.distance(np.array([1.0, -1.0], np.float32)) > 5.0


def test_thresholds_leave_the_stated_shares() -> None:
    distances = np.arange(1000, dtype=np.float64)
    confidence = np.linspace(0.0, 1.0, 1000)
    right = confidence > 0.4
    found = thresholds_of(distances, confidence, right)
    assert (distances > found.refuse_above).sum() == 5
    assert (distances > found.uncertain_above).sum() == 25
    sure = confidence >= found.uncertain_below_confidence
    assert right[sure].mean() >= 0.98
    one_more = confidence >= np.sort(confidence[~sure])[-1]
    assert right[one_more].mean() < 0.98


def test_no_answer_is_sure_where_none_is_right_enough() -> None:
    found = thresholds_of(np.ones(4), np.array([0.9, 0.8, 0.7, 0.6]), np.array([False, True, False, True]))
    assert found.uncertain_below_confidence == 1.0


def test_fold_is_judged_by_what_the_others_gave(
    report: dict, cohort: Path, models: list[Path], stripes: list[OutOfDomain]
) -> None:
    samples = [each for each in read_samples(cohort, cohort / "manifest.csv", CODES) if each.first_of_slice]
    gates, own = [], []
    for fold, path in enumerate(models):
        predictor = Predictor.load(load_manifest(path))
        pixels = {
            side: [read_pixels(s)[0] for s in samples if (s.fold == fold) is side] for side in (True, False)
        }
        gates.append(fit_gate(answers(predictor, pixels[False]).embeddings, OPEN))
        own.append(distances_from(gates[fold], answers(predictor, pixels[True]).embeddings))
        far = distances_from(gates[fold], answers(predictor, [each.pixels for each in stripes]).embeddings)
        assert report["per_fold"][fold]["auroc"] == pytest.approx(_auroc(own[fold], far))
    for fold in (0, 1):
        row = report["per_fold"][fold]
        assert (row["fold"], row["n"]) == (fold, len(own[fold]))
        assert row["refuse_above"] == pytest.approx(np.quantile(own[1 - fold], 0.995), rel=1e-4)
        assert row["real_refused"] == pytest.approx((own[fold] > row["refuse_above"]).mean())
    assert report["thresholds"]["refuse_above"] == pytest.approx(
        np.quantile(np.concatenate(own), 0.995), rel=1e-4
    )


def test_report_counts_one_image_a_slice_and_every_verdict(report: dict) -> None:
    assert (report["slices"], report["out_of_domain_pictures"], report["out_of_domain_sources"]) == (32, 6, 5)
    for side in ("real", "out_of_domain"):
        assert sum(each["share"]["mean"] for each in report[side].values()) == pytest.approx(1.0)
    assert set(report["per_kind"]) == {"empty", "stripes"}
    assert report["per_kind"]["stripes"]["n"] == 4
    low, high = report["interval"]["auroc"]
    assert low <= report["auroc"] <= high
    assert json.loads(json.dumps(report)) == report


def test_farther_is_more_out_of_domain() -> None:
    real, foreign = np.array([1.0, 2.0, 3.0]), np.array([2.5, 4.0])
    assert _auroc(real, foreign) == pytest.approx(5 / 6)
    low, high = _auroc_interval(real, foreign[None], ["a", "b", "c"], ["x", "y"], seed=0)
    assert 0.0 <= low < 5 / 6 < high <= 1.0


def test_interval_is_that_of_the_weighted_area_in_each_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    """Held against scikit-learn's, with distances that are found more than once on either side."""
    monkeypatch.setattr(gate_report_module, "DRAWS", 60)
    rng = np.random.default_rng(7)
    real, foreign = rng.integers(0, 8, 30).astype(float), rng.integers(3, 12, (2, 12)).astype(float)
    groups, sources = [f"g{n % 9}" for n in range(30)], [f"s{n % 5}" for n in range(12)]
    draws, own = np.random.default_rng(3), np.array([int(name[1:]) for name in groups])
    truth, distances = np.repeat([0, 1], [30, 24]), np.concatenate([real, foreign.ravel()])
    areas = []
    for _ in range(60):
        slices = np.bincount(draws.integers(0, 9, 9), minlength=9)[own]
        pictures = np.bincount(draws.integers(0, 5, 5), minlength=5)[np.arange(12) % 5]
        weights = np.concatenate([slices, pictures, pictures])
        areas.append(roc_auc_score(truth, distances, sample_weight=weights))
    expected = np.percentile(areas, (2.5, 97.5)).tolist()
    assert _auroc_interval(real, foreign, groups, sources, seed=3) == pytest.approx(expected)


def test_interval_draws_whole_groups() -> None:
    real, foreign = np.tile([1.0, 3.0], 50), np.array([[2.0]])
    two_patients = _auroc_interval(real, foreign, ["a", "b"] * 50, ["x"], seed=0)
    many_patients = _auroc_interval(real, foreign, [str(n) for n in range(100)], ["x"], seed=0)
    assert two_patients == [0.0, 1.0]
    assert many_patients[1] - many_patients[0] < 0.3


def test_curve_keeps_the_most_confident() -> None:
    confidence = np.array([0.9, 0.5, 0.8, 0.7])
    curve = _coverage(confidence, np.array([True, False, True, False]), list("abcd"), seed=0)
    half = next(row for row in curve if row["coverage"] == 0.5)
    assert (half["n"], half["confidence_at_least"], half["accuracy"]["mean"]) == (2, 0.8, 1.0)
    assert curve[0]["accuracy"]["mean"] == 0.5


def test_one_model_alone_has_no_other_folds(
    cohort: Path, models: list[Path], stripes: list[OutOfDomain]
) -> None:
    samples = read_samples(cohort, cohort / "manifest.csv", CODES)
    with pytest.raises(DataError, match="other folds"):
        gate_report(held_out([load_manifest(models[0])]), samples, stripes)


@pytest.mark.slow
def test_command_measures_against_the_out_of_domain_pictures(
    cohort: Path, models: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "gate.json"
    data = [str(cohort), "--manifest", str(cohort / "manifest.csv"), "--models", *map(str, models)]
    assert main(["gate", *data, "--json", str(out)]) == 0
    written = json.loads(out.read_text("utf-8"))
    assert written["out_of_domain_pictures"] > 300
    assert 0.0 <= written["auroc"] <= 1.0
    total = 32 * 2 + 2 * written["out_of_domain_pictures"]
    assert f"{total} of {total} images" in capsys.readouterr().err
