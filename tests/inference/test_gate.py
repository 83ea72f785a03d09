from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.errors import ManifestError
from inference.gate import Gate, GateVerdict
from inference.manifest import load_manifest
from inference.networks import weights_to_bytes
from inference.predictor import Predictor
from tests.inference.images import grey8
from tests.inference.tiny import manifest_fields, tiny_model

# Two directions of standard deviation 2 and 0.5 about (1, 1).
GATE = Gate(
    mean=np.array([1.0, 1.0], np.float32),
    whitening=np.array([[0.5, 0.0], [0.0, 2.0]], np.float32),
    refuse_above=3.0,
    uncertain_above=2.0,
    uncertain_below_confidence=0.6,
)
SURE = np.array([0.9, 0.1])


@pytest.mark.parametrize(
    ("embedding", "probabilities", "expected"),
    [
        ((1, 1), (0.9, 0.1), GateVerdict("accepted", 0.0, 0.9)),
        ((3, 1.5), (0.9, 0.1), GateVerdict("accepted", 1.0, 0.9)),
        ((1, 1), (0.55, 0.45), GateVerdict("uncertain", 0.0, 0.55)),
        ((6, 2.25), (0.9, 0.1), GateVerdict("uncertain", 2.5, 0.9)),
        ((9, 3), (0.9, 0.1), GateVerdict("refused", 4.0, 0.9)),
    ],
)
def test_verdict_follows_distance_and_confidence(
    embedding: tuple[float, float], probabilities: tuple[float, float], expected: GateVerdict
) -> None:
    assert GATE.judge(np.array(embedding, np.float32), np.array(probabilities)) == expected


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_embedding_that_is_not_finite_is_refused(odd: float) -> None:
    assert GATE.judge(np.array([odd, 1.0], np.float32), SURE).verdict == "refused"


def test_gate_survives_arrays_and_json() -> None:
    settings = json.loads(json.dumps(GATE.as_settings()))
    again = Gate.from_arrays(GATE.as_arrays(), settings)
    embedding = np.array([2.0, 0.0], np.float32)
    assert again.judge(embedding, SURE) == GATE.judge(embedding, SURE)


@pytest.mark.parametrize(
    ("arrays", "method", "code"),
    [
        ({}, "mahalanobis", "weights_mismatch"),
        ({"mean": np.zeros(2), "whitening": np.zeros((3, 2))}, "mahalanobis", "weights_mismatch"),
        (GATE.as_arrays(), "magic", "manifest_invalid"),
    ],
)
def test_gate_that_does_not_fit_is_refused(arrays: dict[str, np.ndarray], method: str, code: str) -> None:
    with pytest.raises(ManifestError) as caught:
        Gate.from_arrays(arrays, {**GATE.as_settings(), "method": method})
    assert caught.value.code == code


@pytest.mark.parametrize(("refuse_above", "verdict"), [(1e9, "accepted"), (1e-9, "refused")])
def test_predictor_judges_by_the_gate_that_lies_with_the_weights(
    tmp_path: Path, refuse_above: float, verdict: str
) -> None:
    model = tiny_model()
    gate = replace(
        GATE,
        mean=np.zeros(10, np.float32),
        whitening=np.eye(10, dtype=np.float32),
        refuse_above=refuse_above,
        uncertain_above=1e9,
        uncertain_below_confidence=0.0,
    )
    weights = weights_to_bytes(model, gate.as_arrays())
    (tmp_path / "tiny.npz").write_bytes(weights)
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps({**manifest_fields(weights), "gate": gate.as_settings()}), "utf-8")
    result = Predictor.load(load_manifest(path)).predict([grey8()])[0]
    assert result.gate is not None
    assert result.gate.verdict == verdict
    assert result.gate.distance == pytest.approx(np.sqrt((result.embedding**2).mean()), rel=1e-5)
    assert result.gate.confidence == pytest.approx(max(result.probabilities))


def test_model_with_a_gate_whose_arrays_are_missing_does_not_load(tmp_path: Path) -> None:
    weights = weights_to_bytes(tiny_model())
    (tmp_path / "tiny.npz").write_bytes(weights)
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps({**manifest_fields(weights), "gate": GATE.as_settings()}), "utf-8")
    with pytest.raises(ManifestError) as caught:
        Predictor.load(load_manifest(path))
    assert caught.value.code == "weights_mismatch"
