from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from inference.__main__ import main
from inference.errors import DataError
from inference.manifest import load_manifest
from inference.training.calibration import calibration, cross_fitted, fit_temperature
from inference.training.crossvalidation import OutOfFold, out_of_fold, probabilities_of
from inference.training.data import read_samples
from inference.training.folds import held_out
from inference.training.metrics import calibration_error
from tests.inference.tiny import CODES, write_cohort


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("cohort")
    write_cohort(directory, per_class=6)
    return directory


@pytest.fixture(scope="module")
def found(models: list[Path], cohort: Path) -> OutOfFold:
    samples = read_samples(cohort, cohort / "manifest.csv", CODES)
    return out_of_fold(held_out([load_manifest(path) for path in models]), samples)


def with_logits(found: OutOfFold, logits: np.ndarray) -> OutOfFold:
    return replace(found, outcome=replace(found.outcome, logits=logits.astype(np.float32)))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_temperature_that_spoiled_the_logits_is_found_again(temperature: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20000, 4))
    truth = np.array([rng.choice(4, p=row) for row in softmax(logits, axis=1)])
    spoiled = logits * temperature
    found = fit_temperature(spoiled, truth)
    assert found == pytest.approx(temperature, rel=0.05)
    assert calibration_error(truth, softmax(spoiled / found, axis=1)) < 0.015


def test_logits_that_separate_perfectly_still_get_a_finite_temperature() -> None:
    assert 0.04 < fit_temperature(np.eye(4), np.arange(4)) < 0.06


def test_fold_gets_the_temperature_of_the_others(found: OutOfFold) -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 1, found.outcome.logits.shape)
    before = cross_fitted(with_logits(found, logits))
    logits[found.folds == 0] *= 10
    after = cross_fitted(with_logits(found, logits))
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_copies_of_a_slice_do_not_count_twice(found: OutOfFold) -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 1, found.outcome.logits.shape)
    before = calibration(with_logits(found, logits))
    logits[~found.first_of_slice] = 30.0 * rng.normal(0, 1, logits[~found.first_of_slice].shape)
    assert calibration(with_logits(found, logits)) == before
    assert before["n"] == found.first_of_slice.sum() == 12


def test_report_scores_with_each_folds_own_temperature(found: OutOfFold) -> None:
    report = calibration(found)
    rows = np.flatnonzero(found.first_of_slice)
    truth = np.array([CODES.index(found.samples[row].label) for row in rows])
    for name, temperatures in (("before", {}), ("after", cross_fitted(found))):
        expected = calibration_error(truth, probabilities_of(found, temperatures)[rows])
        assert report[name]["ece"] == pytest.approx(expected)
        low, high = report[name]["interval"]["ece"]
        assert 0.0 <= low <= high <= 1.0
    assert report["after"]["nll"] != report["before"]["nll"]


def test_one_fold_alone_cannot_be_calibrated(found: OutOfFold) -> None:
    alone = replace(found, folds=np.zeros_like(found.folds))
    with pytest.raises(DataError, match="other folds") as caught:
        cross_fitted(alone)
    assert caught.value.code == "data_missing"


def test_command_scores_with_temperatures_of_other_folds(
    cohort: Path, models: list[Path], found: OutOfFold, tmp_path: Path
) -> None:
    data = [str(cohort), "--manifest", str(cohort / "manifest.csv"), "--models"]
    out = tmp_path / "report.json"
    assert main(["crossvalidate", *data, *map(str, models), "--json", str(out)]) == 0
    written = json.loads(out.read_text("utf-8"))
    temperatures = {row["fold"]: row["temperature"] for row in written["per_fold"]}
    assert temperatures == pytest.approx(cross_fitted(found), rel=1e-3)
    assert written["calibration"]["after"]["ece"] == pytest.approx(
        written["cross_validation"]["distinct"]["ece"], abs=1e-4
    )
    assert main(["crossvalidate", *data, str(models[0]), "--json", str(out)]) == 0
    alone = json.loads(out.read_text("utf-8"))
    assert "calibration" not in alone
    assert alone["per_fold"][0]["temperature"] == 1.0
