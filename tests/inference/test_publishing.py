from __future__ import annotations

import contextlib
import io
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from inference.__main__ import main
from inference.fingerprints import FingerprintSet
from inference.manifest import load_manifest
from inference.predictor import Predictor
from inference.training.card import model_card
from inference.training.data import read_pixels, read_samples
from inference.training.gating import Thresholds, answers, fit_gate
from inference.training.out_of_domain import out_of_domain_pictures
from inference.training.run_record import digest_of
from tests.inference.figures import gate, scaled, speed
from tests.inference.fold_models import write_fold_model
from tests.inference.tiny import CODES, labelled_picture, write_cohort

pytestmark = pytest.mark.slow

MEASURED = {
    "cross_validation.json": {
        "cross_validation": {"n": 4, "accuracy": 0.123456},
        "per_fold": [],
        "calibration": {"temperature": 0.75, "n": 4},
    },
    "gate.json": {
        "auroc": 0.99,
        "thresholds": {"refuse_above": 2.5, "uncertain_above": 2.0, "uncertain_below_confidence": 0.4},
    },
    "speed.json": speed(),
}


def write_trained(folder: Path) -> Path:
    """A model that learned from fold 1 of the cohort in the folder; returns its manifest's path."""
    cohort = folder / "cohort"
    write_cohort(cohort, per_class=8)
    path = write_fold_model(folder, "tiny-1", training=[1])
    fields = json.loads(path.read_text("utf-8"))
    samples = read_samples(cohort, cohort / "manifest.csv", CODES)
    fields["training"]["data_digest"] = digest_of([each for each in samples if each.fold == 1])
    fields["training"]["figures"] = {}
    path.write_text(json.dumps(fields), "utf-8")
    return path


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    return write_trained(tmp_path)


@dataclass(frozen=True)
class Published:
    """What one run of the command printed, beside what it was given; to be read only."""

    trained: Path
    cohort: Path
    printed: str


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("published")
    trained = write_trained(folder)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(arguments(trained)) == 0
    return Published(trained, folder / "cohort", printed.getvalue().strip())


def arguments(trained: Path, measured: dict[str, Any] | None = None) -> list[str]:
    """The command's words, for what lies beside the trained model."""
    folder = trained.parent
    for name, content in (measured or MEASURED).items():
        (folder / name).write_text(json.dumps(content), "utf-8")
    (folder / "failures.txt").write_text("It fails on Mondays.\n\n", "utf-8")
    options = {
        "--data": folder / "cohort",
        "--cross-validation": folder / "cross_validation.json",
        "--gate": folder / "gate.json",
        "--speed": folder / "speed.json",
        "--known-failures": folder / "failures.txt",
        "--out": folder / "out",
    }
    return ["publish", str(trained), *(str(part) for option in options.items() for part in option)]


def counted(predictor: Predictor) -> dict[str, int]:
    """How the published gate, as a worker loads it, judges the out-of-domain pictures."""
    pictures = [each.pixels for each in out_of_domain_pictures()]
    found = Counter(result.gate.verdict for result in predictor.predict(pictures) if result.gate)
    return {"n": len(pictures), **{name: found[name] for name in ("accepted", "uncertain", "refused")}}


def test_published_model_carries_what_was_measured(published: Published) -> None:
    assert published.printed == str(published.trained.parent / "out" / "tiny-1.json")
    manifest = load_manifest(Path(published.printed))
    assert manifest.temperature == 0.75
    assert manifest.training["figures"]["cross_validation"]["accuracy"] == 0.1235
    assert manifest.training["figures"]["gate"]["auroc"] == 0.99
    assert manifest.training["figures"]["speed"] == speed()
    assert manifest.training["known_failures"] == ["It fails on Mondays."]
    assert manifest.gate is not None
    assert manifest.gate["refuse_above"] == 2.5


def test_published_model_judges_and_says_the_same_as_before(published: Published) -> None:
    paths = (published.trained, Path(published.printed))
    before, after = (Predictor.load(load_manifest(path)) for path in paths)
    cohort = published.cohort
    pictures = [labelled_picture(code, 1) for code in CODES]
    for old, new in zip(before.predict(pictures), after.predict(pictures), strict=True):
        assert new.logits == pytest.approx(old.logits, abs=1e-5)
        assert old.gate is None
        assert new.gate is not None
    samples = read_samples(cohort, cohort / "manifest.csv", CODES)
    seen = [read_pixels(each)[0] for each in samples if each.fold == 1 and each.first_of_slice]
    found = answers(before, seen)
    gate = fit_gate(found.embeddings, Thresholds(2.5, 2.0, 0.4))
    assert after.manifest.training["figures"]["gate"]["shipped"] == counted(after)
    for result, embedding in zip(after.predict(seen), found.embeddings, strict=True):
        assert result.gate is not None
        assert result.gate.distance == pytest.approx(gate.distance(embedding), rel=1e-3)


def test_only_slices_that_were_trained_on_are_known_again(published: Published) -> None:
    manifest, cohort = load_manifest(Path(published.printed)), published.cohort
    known = FingerprintSet.from_manifest(dict(manifest.training_images or {}))
    for sample in read_samples(cohort, cohort / "manifest.csv", CODES):
        assert known.contains(read_pixels(sample)[0]) is (sample.fold == 1), sample.path


def test_card_of_a_published_model_has_its_gate_and_temperature(tmp_path: Path, trained: Path) -> None:
    scaling = {"temperature": 0.75, "n": 4, "before": scaled(0.5), "after": scaled(0.25)}
    measured = {**MEASURED, "cross_validation.json": {"calibration": scaling}, "gate.json": gate()}
    assert main(arguments(trained, measured)) == 0
    card = model_card(load_manifest(tmp_path / "out" / "tiny-1.json"))
    assert "Temperature 0.75, which divides the logits" in card
    assert "Input gate: mahalanobis; refused above 2.5" in card
    assert "the MNI152 template, 123 axial slices" in card
    assert "- It fails on Mondays." in card
    assert "## Calibration" in card


@pytest.mark.parametrize("missing", ["cross_validation.json", "gate.json"])
def test_what_was_not_measured_does_not_ship(
    missing: str, tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = {**MEASURED, missing: {"n": 1}}
    assert main(arguments(trained, measured)) == 2
    assert "needs" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", ["{", "[1]"])
def test_damaged_figures_are_refused(
    damage: str, tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = arguments(trained)
    (tmp_path / "gate.json").write_text(damage, "utf-8")
    assert main(given) == 2
    assert "gate.json" in capsys.readouterr().err


def test_other_images_than_the_training_are_refused(
    tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given, cohort = arguments(trained), tmp_path / "cohort"
    changed = next(
        each.path for each in read_samples(cohort, cohort / "manifest.csv", CODES) if each.fold == 1
    )
    changed.write_bytes(changed.read_bytes() + b"\0")
    assert main(given) == 2
    assert "are not those" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
