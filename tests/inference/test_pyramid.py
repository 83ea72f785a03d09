from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from inference.architecture import Ensemble, FeaturePyramid, network_from_dict
from inference.backbone import _Norm
from inference.engines.conversion import compiled
from inference.engines.litert import LiteRtEngine
from inference.engines.tensorflow import TensorFlowEngine
from inference.lite import fold_batch_norm, with_evidence
from inference.manifest import LayerInfo, default_manifest
from inference.networks import build_network, is_half, load_weights, round_to_half, weights_to_bytes
from inference.pyramid import assemble
from inference.training.export import shipped
from inference.training.recipe import load_recipe
from tests.inference.backbones import narrow

SIZE, CLASSES = 64, 4
ONE = FeaturePyramid("lite0", 6, dropout=0.3, drop_connect=0.0, batch_norm=False)
OTHER = FeaturePyramid("lite2", 4, dropout=0.4, drop_connect=0.0, batch_norm=False)
NAMES = ("context", "lesion")


@pytest.fixture(autouse=True)
def small_backbones(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow(monkeypatch)


def filled(network: FeaturePyramid, seed: int) -> keras.Model:
    """Random weights, also in biases and norms, whose defaults would hide what is forgotten."""
    keras.utils.set_random_seed(seed)
    model = build_network(network, SIZE, CLASSES)
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        if not variable.path.endswith("kernel"):
            variable.assign(rng.uniform(0.1, 0.6, variable.shape).astype(np.float32))
    return model


def slices(count: int = 3) -> np.ndarray:
    return np.random.default_rng(1).random((count, SIZE, SIZE, 1), np.float32)


def ensemble(members: list[keras.Model], mirrored: bool) -> tuple[Ensemble, keras.Model]:
    network = Ensemble((ONE, OTHER)[: len(members)], mirrored)
    model = build_network(network, SIZE, CLASSES)
    assemble(members, model)
    return network, model


@pytest.mark.parametrize("training", [True, False])
def test_fused_norm_gives_and_learns_what_that_of_keras_does(training: bool) -> None:
    rng = np.random.default_rng(0)
    features = (rng.random((4, 6, 5, 3), np.float32) * 3 + 1).astype(np.float32)
    weights = [rng.uniform(0.5, 2.0, 3).astype(np.float32) for _ in range(4)]
    found = []
    for layer in (_Norm(momentum=0.9, epsilon=1e-3), keras.layers.BatchNormalization(momentum=0.9)):
        layer.build(features.shape)
        layer.set_weights(weights)
        given = tf.constant(features)
        with tf.GradientTape() as tape:
            tape.watch(given)
            normalised = layer(given, training=training)
            loss = tf.reduce_sum(normalised**3)
        slopes = tape.gradient(loss, [given, *layer.trainable_variables])
        found.append([normalised, *slopes, *layer.get_weights()])
    for fused, usual in zip(*found, strict=True):
        np.testing.assert_allclose(np.asarray(fused), np.asarray(usual), rtol=1e-4, atol=1e-4)


def test_evidence_stays_in_single_precision_where_the_rest_is_computed_in_half() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_network(replace(ONE, batch_norm=True), SIZE, CLASSES)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("lesion").compute_dtype == "bfloat16"
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}
    assert model(slices(), training=True).dtype == "float32"
    assert model.output.dtype == model.get_layer("lesion_evidence").output.dtype == "float32"


def test_layers_have_the_grids_and_channels_that_the_description_says() -> None:
    for network in (ONE, Ensemble((ONE, OTHER), False), Ensemble((ONE, OTHER), True)):
        model = build_network(network, SIZE, CLASSES)
        described = zip(network.layer_names(), network.grids(SIZE), network.channels, strict=True)
        for name, side, channels in described:
            assert model.get_layer(name).output.shape[1:] == (side, side, channels)
            assert model.get_layer(f"{name}_evidence").output.shape[1:] == (side, side, CLASSES)
        assert model.output.shape[1:] == (CLASSES,)
        assert network_from_dict(network.as_dict()) == network
    assert Ensemble((ONE, OTHER), False).channels == (20, 10)


def test_unknown_backbone_is_refused() -> None:
    with pytest.raises(ValueError, match="resnet"):
        network_from_dict({**ONE.as_dict(), "backbone": "resnet"})


def test_logit_is_the_sum_of_the_means_of_the_evidence() -> None:
    model = filled(ONE, 1)
    parts = [model.get_layer(f"{name}_evidence").output for name in NAMES]
    logits, *evidence = keras.Model(model.inputs[0], [model.output, *parts])(slices())
    means = sum(np.asarray(each).mean(axis=(1, 2)) for each in evidence)
    np.testing.assert_allclose(means, np.asarray(logits), rtol=1e-5, atol=1e-5)


def test_drop_connect_passes_blocks_by_while_training_alone() -> None:
    """The first block of a stage has nothing to pass it by; the chance rises with the depth."""
    model = filled(replace(OTHER, drop_connect=0.5), 2)
    rates = {layer.name: layer.rate for layer in model.layers if layer.name.endswith("_drop")}
    assert rates["stage1_2_drop"] == pytest.approx(0.5 * 1 / 14)
    assert rates["stage7_2_drop"] == pytest.approx(0.5 * 13 / 14)
    still = np.asarray(model(slices(), training=False))
    assert np.array_equal(np.asarray(model(slices(), training=False)), still)
    assert not np.allclose(np.asarray(model(slices(), training=True)), still)


def test_folded_network_computes_the_same() -> None:
    recipe = load_recipe("secondread-4-lite2")
    network = replace(OTHER, drop_connect=0.2, batch_norm=True)
    model = filled(network, 3)
    described, folded = shipped(replace(recipe, network=network, input_size=SIZE), model)
    assert described == replace(OTHER, drop_connect=0.0)
    expected = np.asarray(model(slices(), training=False))
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(np.asarray(folded(slices())), expected, rtol=1e-3, atol=1e-4)
    again = build_network(described, SIZE, CLASSES)
    fold_batch_norm(model, again)
    np.testing.assert_array_equal(np.asarray(again(slices())), np.asarray(folded(slices())))


def test_archive_of_a_rounded_network_is_exactly_what_its_file_holds() -> None:
    model = filled(ONE, 1)
    round_to_half(model)
    before = [np.asarray(each).copy() for each in model.weights]
    load_weights(model, weights_to_bytes(model))
    for old, new in zip(before, model.weights, strict=True):
        assert np.array_equal(old, np.asarray(new))


# --- Several as one ---------------------------------------------------------------


def test_logits_of_an_ensemble_are_the_mean_of_its_members_logits() -> None:
    members = [filled(ONE, 1), filled(OTHER, 2)]
    _, both = ensemble(members, mirrored=False)
    expected = np.mean([np.asarray(each(slices())) for each in members], axis=0)
    np.testing.assert_allclose(np.asarray(both(slices())), expected, rtol=1e-5, atol=1e-5)


def test_mirrored_ensemble_is_the_mean_of_both_ways_and_blind_to_the_way() -> None:
    members = [filled(ONE, 1), filled(OTHER, 2)]
    _, both = ensemble(members, mirrored=True)
    turned = slices()[:, :, ::-1]
    expected = np.mean([np.asarray(each(way)) for each in members for way in (slices(), turned)], axis=0)
    found = np.asarray(both(slices()))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(np.asarray(both(turned)), found, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mirrored", [False, True])
def test_maps_of_an_ensemble_add_up_to_its_logits_and_are_the_mean_of_its_members_maps(
    mirrored: bool,
) -> None:
    members = [filled(ONE, 1), filled(OTHER, 2)]
    _, both = ensemble(members, mirrored)
    logits, embedding, *maps = (np.asarray(each) for each in with_evidence(both, NAMES)([slices()]))
    bias = both.get_layer("context_evidence").get_weights()[1]
    np.testing.assert_allclose(
        sum(each.sum(axis=(1, 2)) for each in maps) + bias, logits, rtol=1e-4, atol=1e-5
    )
    assert embedding.shape == (3, 30)
    for index, found in enumerate(maps):
        own = [np.asarray(with_evidence(each, NAMES)([slices()])[2 + index]) for each in members]
        if mirrored:
            own += [
                np.asarray(with_evidence(each, NAMES)([slices()[:, :, ::-1]])[2 + index])[:, :, ::-1]
                for each in members
            ]
        np.testing.assert_allclose(found, np.mean(own, axis=0), rtol=1e-4, atol=1e-6)


def half_numbers(form: bytes) -> int:
    """How many numbers a compiled form holds in half precision."""
    tensors = Interpreter(model_content=form).get_tensor_details()
    return sum(int(np.prod(each["shape"])) for each in tensors if each["dtype"] == np.float16)


@pytest.mark.slow
def test_compiled_ensemble_says_what_gradients_say_in_half_precision() -> None:
    network, both = ensemble([filled(ONE, 1), filled(OTHER, 2)], mirrored=True)
    load_weights(both, weights_to_bytes(both))
    assert not is_half(both)
    whole = compiled(both, network)
    round_to_half(both)
    assert is_half(both)
    layers = tuple(
        LayerInfo(name, name, (side, side), channels)
        for name, side, channels in zip(
            network.layer_names(), network.grids(SIZE), network.channels, strict=True
        )
    )
    manifest = replace(default_manifest(), network=network, input_size=SIZE, layers=layers)
    form = compiled(both, network)
    assert form is not None
    assert whole is not None
    # Of two tiny networks most is structure, so that their size says nothing.
    assert half_numbers(whole) == 0
    assert half_numbers(form) >= 0.99 * both.count_params()
    lite = LiteRtEngine(form, manifest).explain(slices())
    full = TensorFlowEngine(both, NAMES).explain(slices())
    np.testing.assert_allclose(lite.logits, full.logits, atol=1e-5)
    np.testing.assert_allclose(lite.embedding, full.embedding, atol=1e-4)
    for one, other in zip(lite.maps, full.maps, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 2
        assert one.any()
