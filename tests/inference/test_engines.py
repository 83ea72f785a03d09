"""Two engines behind one interface: the same answers, and each without the other."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from inference.agreement import Agreement, agreement, require_agreement
from inference.architecture import EvidencePyramid
from inference.engines import choice, engine_of
from inference.engines.base import scaled_maps
from inference.engines.conversion import compiled
from inference.engines.litert import LiteRtEngine
from inference.engines.tensorflow import TensorFlowEngine
from inference.errors import ManifestError
from inference.formats import Pixels
from inference.manifest import MANIFEST_DIR, Compiled, LayerInfo, default_manifest, load_manifest
from inference.networks import build_network, load_weights, weights_to_bytes
from inference.predictor import Predictor
from tests.inference.images import grey8, slice_like
from tests.inference.tiny import NETWORK, tiny_manifest, tiny_model

PICTURES: list[Pixels] = [grey8(), *(slice_like(90, 70 + seed, 4000, seed) for seed in range(3))]
PYRAMID = EvidencePyramid(5, edges=4, textures=4, fusion=8, lesion=8, dropout=0.0, batch_norm=False)
SIZE = 32


@pytest.fixture(scope="module")
def shipped() -> Predictor:
    return Predictor.load(default_manifest(), "litert")


# --- The same answers ----------------------------------------------------------


@pytest.mark.slow
def test_both_engines_say_the_same_of_the_shipped_network(shipped: Predictor) -> None:
    found = agreement(shipped, Predictor.load(default_manifest(), "tensorflow"), PICTURES)
    assert found.pictures == len(PICTURES)
    assert found.holds
    assert found.probability < 1e-4


@pytest.mark.slow
def test_converted_network_has_the_maps_that_gradients_give() -> None:
    keras.utils.set_random_seed(3)
    model = build_network(PYRAMID, SIZE, 4)
    rng = np.random.default_rng(3)
    for variable in model.weights:
        if variable.path.endswith("bias"):
            variable.assign(rng.uniform(-0.2, 0.4, variable.shape).astype(np.float32))
    load_weights(model, weights_to_bytes(model))
    layers = tuple(
        LayerInfo(name, name, (side, side), channels)
        for name, side, channels in zip(
            PYRAMID.layer_names(), PYRAMID.grids(SIZE), PYRAMID.channels, strict=True
        )
    )
    manifest = replace(default_manifest(), network=PYRAMID, input_size=SIZE, layers=layers)
    form = compiled(model, PYRAMID)
    assert form is not None
    tensors = rng.random((3, SIZE, SIZE, 1)).astype(np.float32)
    lite = LiteRtEngine(form, manifest).explain(tensors)
    full = TensorFlowEngine(model, PYRAMID.layer_names()).explain(tensors)
    np.testing.assert_allclose(lite.logits, full.logits, atol=1e-4)
    np.testing.assert_allclose(lite.embedding, full.embedding, atol=1e-4)
    for maps, peaks, other_maps, other_peaks in zip(
        lite.maps, lite.peaks, full.maps, full.peaks, strict=True
    ):
        np.testing.assert_allclose(peaks, other_peaks, rtol=1e-3, atol=1e-6)
        assert np.abs(maps.astype(int) - other_maps).max() <= 1
        assert maps.any()


def test_map_without_positive_evidence_is_empty() -> None:
    evidence = np.full((1, 2, 2, 2), -1.0, np.float32)
    evidence[0, 0, 1, 0] = 3.0
    values, peaks = scaled_maps(evidence)
    assert values.tolist() == [[[[0, 255], [0, 0]], [[0, 0], [0, 0]]]]
    assert peaks.tolist() == [[3.0, 0.0]]


def test_network_whose_maps_need_gradients_has_no_compiled_form() -> None:
    assert compiled(tiny_model(), NETWORK) is None


def test_one_picture_after_another_leaves_earlier_results_as_they_were(shipped: Predictor) -> None:
    first = shipped.predict([PICTURES[0]])[0]
    kept = first.embedding.copy(), first.maps.values["lesion"].copy()
    shipped.predict([PICTURES[1]])
    assert np.array_equal(first.embedding, kept[0])
    assert np.array_equal(first.maps.values["lesion"], kept[1])


@pytest.mark.parametrize(
    ("found", "holds"),
    [
        (Agreement(8, 9e-5, 0.009), True),
        (Agreement(8, 2e-4, 0.0), False),
        (Agreement(8, 0.0, 0.02), False),
    ],
)
def test_limits_of_the_agreement(found: Agreement, holds: bool) -> None:
    assert found.holds is holds


def test_engines_that_differ_are_refused(shipped: Predictor) -> None:
    warmer = Predictor(replace(shipped.manifest, temperature=2.0), shipped.engine)
    with pytest.raises(ManifestError, match="gives other results") as refused:
        require_agreement(shipped, warmer, PICTURES)
    assert refused.value.code == "engines_disagree"


# --- Which engine ----------------------------------------------------------------


def test_model_with_a_compiled_form_runs_on_litert_and_another_on_tensorflow(tmp_path: Path) -> None:
    assert engine_of(default_manifest()) == "litert"
    assert engine_of(default_manifest(), "tensorflow") == "tensorflow"
    assert engine_of(tiny_manifest(tmp_path)) == "tensorflow"
    assert engine_of(load_manifest(MANIFEST_DIR / "prototype-cnn-1.json")) == "tensorflow"


def test_wished_engine_that_the_model_has_no_form_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="use TensorFlow") as refused:
        engine_of(tiny_manifest(tmp_path), "litert")
    assert refused.value.code == "engine_unfit"


@pytest.mark.parametrize(("engine", "package"), [("litert", "ai_edge_litert"), ("tensorflow", "tensorflow")])
def test_engine_that_is_not_installed_is_named(
    engine: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "find_spec", lambda name: None if name == package else object())
    with pytest.raises(ManifestError, match=package) as refused:
        Predictor.load(default_manifest(), engine)
    assert refused.value.code == "engine_missing"


# --- Files that do not fit ---------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "received"),
    [
        ({"input_size": 192}, "slice of shape"),
        ({"classes": default_manifest().classes[:3]}, "of shape"),
        ({"layers": default_manifest().layers[:1]}, "of shape"),
    ],
)
def test_compiled_form_with_other_inputs_or_outputs_than_the_manifest_says_is_refused(
    changes: dict[str, Any], received: str
) -> None:
    manifest = replace(default_manifest(), **changes)
    with pytest.raises(ManifestError, match=received) as refused:
        LiteRtEngine.load(manifest)
    assert refused.value.code == "compiled_unfit"


def test_file_that_is_no_network_is_refused() -> None:
    with pytest.raises(ManifestError, match="cannot read") as refused:
        LiteRtEngine(b"no network", default_manifest())
    assert refused.value.code == "compiled_unfit"


def test_compiled_form_with_another_digest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tflite").write_bytes(b"changed")
    digest = hashlib.sha256(b"whole").hexdigest()
    manifest = replace(default_manifest(), directory=tmp_path, compiled=Compiled("a.tflite", digest))
    with pytest.raises(ManifestError) as refused:
        LiteRtEngine.load(manifest)
    assert refused.value.code == "weights_mismatch"
    (tmp_path / "a.tflite").unlink()
    with pytest.raises(ManifestError) as refused:
        LiteRtEngine.load(manifest)
    assert refused.value.code == "weights_missing"


# --- A worker --------------------------------------------------------------------

WORKER = """
import json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings.test"
import django, psutil
django.setup()
from portal.celery import app
app.loader.import_default_modules()
from cases.analysis import worker
from inference.manifest import default_manifest
shipped = default_manifest()
predictor = worker.predictor_for(shipped.id, shipped.weights_sha256, shipped.compiled.sha256)
worker.training_images_of(predictor)
unwanted = {"tensorflow", "keras", "jax", "sklearn", "portal.urls"}  # the last brings every page, and REST
heavy = sorted(unwanted & set(sys.modules))
found = {"engine": predictor.engine.name, "heavy": heavy, "bytes": psutil.Process().memory_info().rss}
print(json.dumps(found))
"""


def test_worker_with_the_shipped_network_loads_neither_tensorflow_nor_rest_and_stays_small() -> None:
    run = subprocess.run(
        [sys.executable, "-c", WORKER], capture_output=True, text=True, check=True, timeout=60
    )
    found = json.loads(run.stdout.splitlines()[-1])
    assert (found["engine"], found["heavy"]) == ("litert", [])
    assert found["bytes"] < 200 * 2**20
