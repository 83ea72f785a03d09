from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from inference.__main__ import main
from inference.errors import DataError
from inference.formats import read_image
from inference.manifest import load_manifest
from inference.predictor import Predictor
from inference.training.crossvalidation import OutOfFold, out_of_fold, report
from inference.training.data import Sample, read_samples
from inference.training.evaluation import evaluate
from inference.training.folds import held_out
from inference.training.metrics import score
from tests.inference.fold_models import write_fold_model
from tests.inference.tiny import CODES, write_cohort


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("cohort")
    write_cohort(directory, per_class=6)
    return directory


@pytest.fixture(scope="module")
def samples(cohort: Path) -> list[Sample]:
    return read_samples(cohort, cohort / "manifest.csv", CODES)


@pytest.fixture(scope="module")
def found(models: list[Path], samples: list[Sample]) -> OutOfFold:
    return out_of_fold(held_out([load_manifest(path) for path in models]), samples)


def test_every_image_is_predicted_by_the_model_that_did_not_see_its_fold(
    found: OutOfFold, models: list[Path], samples: list[Sample]
) -> None:
    assert sorted(map(str, (each.path for each in found.samples))) == sorted(
        str(each.path) for each in samples
    )
    assert found.folds.tolist() == [each.fold for each in found.samples]
    for fold, path in enumerate(models):
        predictor = Predictor.load(load_manifest(path))
        rows = np.flatnonzero(found.folds == fold)
        pixels = [read_image(found.samples[row].path.read_bytes()).pixels for row in rows]
        for row, result in zip(rows, predictor.predict(pixels), strict=True):
            assert found.outcome.logits[row] == pytest.approx(result.logits, abs=1e-5)
            assert found.outcome.embeddings[row] == pytest.approx(result.embedding, abs=1e-5)


def test_pooled_report_is_that_of_all_folds_together(found: OutOfFold) -> None:
    pooled = report(found, {})["cross_validation"]
    truth = np.array([CODES.index(each.label) for each in found.samples])
    expected = score(truth, softmax(found.outcome.logits.astype(np.float64), axis=1), CODES)
    assert (pooled["n"], pooled["folds"]) == (24, [0, 1])
    assert pooled["model"] == "tiny-fold0 tiny-fold1"
    assert pooled["confusion"] == expected.confusion
    assert pooled["nll"] == pytest.approx(expected.nll)
    assert pooled["distinct"]["n"] == 12
    assert pooled["interval"]["groups"] == 12
    assert set(pooled["localisation"]) == {"conv1", "conv2", "centre_prior"}


def test_fold_is_summarised_as_evaluate_does_for_its_model(
    found: OutOfFold, models: list[Path], samples: list[Sample]
) -> None:
    rows = report(found, {})["per_fold"]
    assert [(row["fold"], row["model"]) for row in rows] == [(0, "tiny-fold0"), (1, "tiny-fold1")]
    own = [each for each in samples if each.fold == 1]
    alone = evaluate(Predictor.load(load_manifest(models[1])), own)["distinct"]
    assert (rows[1]["images"], rows[1]["n"]) == (len(own), alone["n"])
    for name in ("accuracy", "macro_f1", "ece", "nll"):
        assert rows[1][name] == pytest.approx(alone[name], abs=1e-6)
    assert rows[1]["f1"] == {code: alone["per_class"][code]["f1"] for code in CODES}
    assert rows[1]["interval"]["macro_f1"] == pytest.approx(alone["interval"]["macro_f1"])


def test_temperature_divides_the_logits_of_its_own_fold_only(found: OutOfFold) -> None:
    plain, warm = report(found, {}), report(found, {1: 4.0})
    assert [row["temperature"] for row in warm["per_fold"]] == [1.0, 4.0]
    assert warm["per_fold"][0] == plain["per_fold"][0]
    assert warm["per_fold"][1]["macro_f1"] == plain["per_fold"][1]["macro_f1"]
    own = found.folds == 1
    truth = np.array([CODES.index(each.label) for each in found.samples])
    divided = np.where(own[:, None], found.outcome.logits / 4.0, found.outcome.logits).astype(np.float64)
    expected = score(truth, softmax(divided, axis=1), CODES)
    assert warm["cross_validation"]["nll"] == pytest.approx(expected.nll, abs=1e-5)


def test_command_writes_figures_and_every_image_out_of_fold(
    cohort: Path, models: list[Path], found: OutOfFold, tmp_path: Path
) -> None:
    out, oof = tmp_path / "report.json", tmp_path / "oof.npz"
    data = [str(cohort), "--manifest", str(cohort / "manifest.csv")]
    arguments = ["crossvalidate", *data, "--models", *map(str, models), "--oof", str(oof)]
    assert main([*arguments, "--json", str(out)]) == 0
    written: dict[str, Any] = json.loads(out.read_text("utf-8"))
    assert written["cross_validation"]["n"] == 24
    with np.load(oof, allow_pickle=False) as arrays:
        assert arrays["logits"] == pytest.approx(found.outcome.logits, abs=1e-5)
        assert arrays["logits"].dtype == arrays["embedding"].dtype == np.float32
        assert arrays["embedding"].shape == (24, 10)
        assert arrays["path"][0] == found.samples[0].path.relative_to(cohort).as_posix()
        assert arrays["fold"].tolist() == found.folds.tolist()
        assert arrays["label"].tolist() == [each.label for each in found.samples]
        assert arrays["group"].tolist() == [each.group for each in found.samples]
        assert arrays["first_of_slice"].tolist() == [each.first_of_slice for each in found.samples]
        assert arrays["classes"].tolist() == list(CODES)
    assert list(tmp_path.glob("*.partial")) == []


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ([("tiny-fold0", [0, 1], ())], "was trained on folds"),
        ([("tiny-fold0", None, ())], "must name the folds"),
        ([("tiny", [1], ())], "needs the folds"),
        ([("tiny-fold0", [1], ()), ("other-fold0", [1], ())], "one model only"),
        ([("tiny-fold0", [1], ()), ("tiny-fold1", [0], CODES[::-1])], "same classes"),
        ([("tiny-fold7", [1], ())], "No image is in the held-out folds"),
    ],
)
def test_models_that_prove_nothing_are_refused(
    written: list[Any], message: str, cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [
        write_fold_model(tmp_path, name, training=training, codes=codes) for name, training, codes in written
    ]
    out, oof = tmp_path / "report.json", tmp_path / "oof.npz"
    data = [str(cohort), "--manifest", str(cohort / "manifest.csv")]
    arguments = ["crossvalidate", *data, "--models", *map(str, paths), "--oof", str(oof)]
    assert main([*arguments, "--json", str(out)]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()
    assert not oof.exists()


def test_patient_in_two_folds_is_refused(models: list[Path], samples: list[Sample]) -> None:
    moved = [*samples[1:], Sample(samples[0].path, samples[0].label, samples[0].group, fold=1)]
    with pytest.raises(DataError, match="more than one fold") as caught:
        out_of_fold(held_out([load_manifest(path) for path in models]), moved)
    assert caught.value.code == "data_invalid"
