from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from inference.architecture import FeaturePyramid
from inference.errors import DataError
from inference.lite import EVIDENCE
from inference.manifest import load_manifest
from inference.networks import build_network
from inference.predictor import Predictor
from inference.training import command, one_cycle
from inference.training.appearance import change_appearance
from inference.training.augmentation import random_transforms, warp, warp_boxes
from inference.training.command import for_fold, train_fold
from inference.training.data import Tensors
from inference.training.fitting import HistoryFile, read_history
from inference.training.one_cycle import (
    DENSE,
    Draws,
    dense_loss,
    fit_one_cycle,
    lesion_loss,
    take_out,
    targets_of,
)
from inference.training.recall import MacroRecall
from inference.training.recipe import Appearance, Augmentation, Recipe, load_recipe, recipe_from_dict
from inference.training.run_record import refuse_other
from tests.inference.backbones import narrow
from tests.inference.tiny import CODES, labelled_picture, step_by_step, write_cohort

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RECIPE = """
id = "tiny-pyramid"
title = "Tiny pyramid"
seed = 3
input_size = 32
[network]
kind = "evidence_pyramid"
stages = 5
edges = 4
textures = 4
fusion = 4
lesion = 4
dropout = 0.0
batch_norm = true
[split]
training_folds = [1]
validation_folds = [0]
weight_copies = false
[augmentation]
rotation_degrees = 5.0
shift = 0.02
shear = 0.02
zoom = 0.02
mirror = 0.5
[fit]
batch_size = 8
epochs = 3
draws = 16
learning_rate = 0.001
warmup_share = 0.2
weight_decay = 0.01
label_smoothing = 0.05
class_balance = 1.0
box_weight = 0.1
"""

ALL_CHANGES = Appearance(
    gamma=0.6, contrast=0.2, shading=1, coarsen=1, sharpness=1, noise=1, compression=1, crop=1, erase=1
)


@pytest.fixture(autouse=True)
def small_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    """One narrow block a stage: what is tested here is the training, and compiling Lite0 takes long."""
    narrow(monkeypatch)


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    path = tmp_path / "tiny-pyramid.toml"
    path.write_text(RECIPE, "utf-8")
    return load_recipe(str(path))


def tensors(labels: list[int]) -> Tensors:
    rng = np.random.default_rng(0)
    boxes = np.full((len(labels), 4), np.nan, np.float32)
    boxes[0] = (0.25, 0.25, 0.5, 0.75)
    images = rng.random((len(labels), 32, 32, 1)).astype(np.float16)
    return Tensors(images, np.array(labels, np.int64), "0" * 64, boxes)


def test_balanced_draws_take_every_class_alike_and_every_slice_by_turns(recipe: Recipe) -> None:
    data = tensors([0] * 12 + [1] * 4)
    names = [f"slice-{index // 2}" for index in range(16)]
    fit = replace(recipe.fit, draws=240)
    draws = Draws(data, names, replace(recipe, fit=fit), 4, 2, 0)
    counts = np.bincount(draws._order, minlength=16)
    assert counts[:12].sum() == counts[12:].sum() == 120
    assert set(counts.reshape(8, 2).sum(axis=1)) == {20, 60}
    assert (counts > 0).all()


def test_draws_depend_on_seed_and_epoch_only(recipe: Recipe) -> None:
    data, names = tensors([0, 1, 2, 3] * 4), [str(index) for index in range(16)]
    first = Draws(data, names, recipe, 4, 4, 0)
    first.on_epoch_end()
    resumed = Draws(data, names, recipe, 4, 4, 1)
    assert len(resumed) == 2
    assert np.array_equal(first[1][0], resumed[1][0])
    assert np.array_equal(first[1][1][EVIDENCE], resumed[1][1][EVIDENCE])
    assert not np.array_equal(Draws(data, names, recipe, 4, 4, 0)[1][0], resumed[1][0])


def test_box_moves_with_its_picture() -> None:
    """A white box on black and its cover, under strong random maps, stay in the same place."""
    side, grid = 64, 16
    boxes = np.tile(np.array([0.25, 0.375, 0.5, 0.75], np.float32), (20, 1))
    images = np.zeros((20, side, side, 1), np.float32)
    images[:, 24:48, 16:32] = 1.0
    bounds = Augmentation(20.0, 0.1, 0.1, 0.2, mirror=0.5, flip=0.5)
    maps = random_transforms(20, side, bounds, np.random.default_rng(3))
    moved = warp(images, maps)[..., 0].reshape(20, grid, 4, grid, 4).mean(axis=(2, 4))
    assert np.abs(moved - warp_boxes(boxes, maps, side, grid)).mean() < 0.01
    assert len({tuple(np.argwhere(each > 0.5)[0]) for each in moved}) > 10


def test_image_without_a_box_covers_nothing() -> None:
    still = np.array([[1, 0, 0, 0, 1, 0]], np.float32)
    assert not warp_boxes(np.full((1, 4), np.nan, np.float32), still, 32, 4).any()


def test_picture_is_warped_as_the_map_says_with_black_from_outside() -> None:
    """Against another implementation, that of Keras."""
    images = np.zeros((5, 32, 32, 1), np.float32)
    images[:, 4:-4, 4:-4] = np.random.default_rng(1).random((5, 24, 24, 1), np.float32)
    bounds = Augmentation(30.0, 0.1, 0.1, 0.2, mirror=0.5, flip=0.5, margin=0.5)
    maps = random_transforms(5, 32, bounds, np.random.default_rng(2))
    expected = keras.ops.image.affine_transform(
        images, np.pad(maps, ((0, 0), (0, 2))), interpolation="bilinear", fill_value=0.0
    )
    # A pixel whose place falls just outside is black for one and interpolated with black for the other.
    np.testing.assert_allclose(warp(images, maps), np.asarray(expected), atol=2e-4)


def test_mirror_is_an_exact_mirror_image() -> None:
    images = np.random.default_rng(0).random((1, 8, 8, 1), np.float32)
    bounds = Augmentation(0.0, 0.0, 0.0, 0.0, mirror=1.0)
    maps = random_transforms(1, 8, bounds, np.random.default_rng(0))
    np.testing.assert_allclose(warp(images, maps)[0, :, :, 0], images[0, :, ::-1, 0], atol=1e-6)


def test_margin_shrinks_by_up_to_a_third_and_only_where_asked_for() -> None:
    still = Augmentation(0.0, 0.0, 0.0, 0.0)
    scale = random_transforms(400, 64, replace(still, margin=0.5), np.random.default_rng(0))[:, [0, 4]]
    shrunk = (scale > 1).all(axis=1)
    assert 160 < shrunk.sum() < 240
    assert (scale[~shrunk] == 1).all()
    assert scale.max() <= 1.5
    assert not np.allclose(scale[shrunk, 0], scale[shrunk, 1])


def head_with_lesion(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grey heads on black with a white lesion at the same place, their classes and boxes."""
    rows, columns = np.mgrid[:64, :64]
    head = (np.hypot(rows - 32, columns - 32) < 28) * 0.5
    head[20:28, 40:48] = 1.0
    images = np.tile(head.astype(np.float32)[None, ..., None], (count, 1, 1, 1))
    boxes = np.tile(np.array([40, 20, 48, 28], np.float32) / 64, (count, 1))
    return images, np.tile(np.eye(4, dtype=np.float32)[0], (count, 1)), boxes


def test_lesion_that_is_taken_out_leaves_no_class_and_no_box() -> None:
    images, classes, boxes = head_with_lesion(400)
    take_out(images, classes, boxes, 0.5, np.random.default_rng(0))
    gone = np.isnan(boxes[:, 0])
    assert 70 < gone.sum() < 130
    assert (classes[gone] == 0.25).all()
    assert (classes[~gone] == np.eye(4, dtype=np.float32)[0]).all()
    assert np.abs(images[gone, 22:26, 42:46] - 0.5).max() < 0.01
    assert (images[~gone, 20:28, 40:48] == 1.0).all()


def test_image_without_a_marked_lesion_is_left_as_it_is() -> None:
    images, classes, boxes = head_with_lesion(20)
    boxes[:] = np.nan
    before = images.copy(), classes.copy()
    take_out(images, classes, boxes, 1.0, np.random.default_rng(0))
    assert np.array_equal(images, before[0])
    assert np.array_equal(classes, before[1])


def test_drawn_batch_has_no_evidence_to_find_where_the_lesion_was_taken_out(recipe: Recipe) -> None:
    data, names = tensors([0] * 4), [str(index) for index in range(4)]
    whole = replace(recipe, fit=replace(recipe.fit, draws=64, batch_size=64, blanked=1.0))
    _, targets = Draws(replace(data, boxes=np.tile(data.boxes[:1], (4, 1))), names, whole, 4, 4, 0)[0]
    taken = (targets["logits"] == 0.25).all(axis=1)
    assert 0 < taken.sum() < 64
    assert not targets[EVIDENCE][taken].any()
    assert targets[EVIDENCE][~taken].any(axis=(1, 2, 3)).all()


def test_lesion_loss_is_the_log_share_of_the_true_class_alone() -> None:
    covered = np.zeros((3, 2, 2, 2), np.float32)
    covered[0, 0, 0, 1] = 1.0
    covered[1, 0, 0, 1] = 1.0
    evidence = np.full((3, 2, 2, 2), 50.0, np.float32)
    evidence[0, :, :, 1] = [[30.0, 10.0], [-5.0, 0.0]]
    evidence[1, :, :, 1] = [[40.0, -1.0], [-1.0, -1.0]]
    loss = np.asarray(lesion_loss(covered, evidence))
    soft = [np.log1p(np.exp([30.0, 10.0, -5.0, 0.0])), np.log1p(np.exp([40.0, -1.0, -1.0, -1.0]))]
    expected = [-math.log(heat[0] / heat.sum()) for heat in soft]
    assert loss == pytest.approx([*expected, 0.0], abs=1e-3)


def test_dense_targets_are_shares_of_the_background_and_of_the_lesions_class() -> None:
    classes = np.eye(3, dtype=np.float32)[[2, 1, 0]]
    lesions = np.zeros((3, 1, 2), np.float32)
    lesions[0, 0] = [0.25, 0.0]
    found = targets_of(classes, lesions, np.array([True, True, False]))[DENSE]
    assert found[0, 0].tolist() == [[0.75, 0.0, 0.0, 0.25], [1.0, 0.0, 0.0, 0.0]]
    assert found[1, 0].tolist() == [[1.0, 0.0, 0.0, 0.0]] * 2
    assert not found[2].any()
    assert set(targets_of(classes, lesions, None)) == {"logits", EVIDENCE}


def test_dense_loss_is_the_cross_entropy_weighted_by_the_cover() -> None:
    truth = np.zeros((2, 1, 2, 3), np.float32)
    truth[0, 0] = [[0.5, 0.0, 0.5], [1.0, 0.0, 0.0]]
    logits = np.log(np.array([[[[0.25, 0.25, 0.5], [0.5, 0.25, 0.25]]]] * 2, np.float32)) + 3.0
    covered = (1 + 9 * 0.5) * -(0.5 * math.log(0.25) + 0.5 * math.log(0.5))
    assert np.asarray(dense_loss(truth, logits)) == pytest.approx(
        [(covered + math.log(2)) / 2, 0.0], abs=1e-5
    )


def test_lesion_that_was_taken_out_is_background_and_an_unmarked_one_is_not_learned_from(
    recipe: Recipe,
) -> None:
    """Class 0 is marked, class 1 is a tumour without a box, class 2 has none."""
    data, names = tensors([0, 1, 2]), ["a", "b", "c"]
    whole = replace(recipe, fit=replace(recipe.fit, draws=90, batch_size=90, blanked=1.0, dense_weight=0.5))
    _, targets = Draws(data, names, whole, 4, 3, 0, negative=2)[0]
    dense, classes = targets[DENSE], targets["logits"]
    unmarked = classes[:, 1] == 1
    taken = (classes == np.float32(1 / 3)).all(axis=1)
    assert unmarked.sum() == 30
    assert not dense[unmarked].any()
    assert 0 < taken.sum() < 30
    assert (dense[taken | (classes[:, 2] == 1), ..., 0] == 1).all()
    marked = classes[:, 0] == 1
    assert (dense[marked, ..., 1].max(axis=(1, 2)) > 0.5).all()
    np.testing.assert_allclose(dense[~unmarked].sum(axis=-1), 1.0, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:Even though the .tf.config.experimental_run_functions_eagerly")
def test_gradient_of_the_dense_loss_reaches_the_backbone_and_its_head_is_left_out_of_what_ships(
    recipe: Recipe, without_graphs: None
) -> None:
    network = FeaturePyramid("lite0", 4, dropout=0.3, drop_connect=0.2, batch_norm=True)
    fit = replace(recipe.fit, dense_weight=0.5, box_weight=0.0, learning_rate=0.25)
    model = build_network(network, 32, 4)
    whole = one_cycle._compiled(model, fit, 4)
    before = [np.asarray(each).copy() for each in model.trainable_variables]
    # Classes that say nothing: what moves, moves by the dense map.
    classes, rng = np.full((8, 4), 0.25, np.float32), np.random.default_rng(0)
    dense = np.eye(5, dtype=np.float32)[rng.integers(0, 5, (8, 4, 4))]
    images = rng.random((8, 32, 32, 1), np.float32)
    nowhere = np.zeros((8, 4, 4, 4), np.float32)
    whole.fit(images, {"logits": classes, EVIDENCE: nowhere, DENSE: dense}, batch_size=8, verbose=0)
    moved = {
        variable.path: not np.array_equal(old, np.asarray(variable))
        for old, variable in zip(before, model.trainable_variables, strict=True)
    }
    assert moved["stage1_1_depthwise_kernel/kernel"]
    assert moved["pyramid5_kernel/kernel"]
    assert moved["lesion_kernel/kernel"]
    assert DENSE in {layer.name for layer in whole.layers}
    assert DENSE not in {layer.name for layer in model.layers}


def test_appearance_keeps_range_and_shape_and_depends_on_its_draws() -> None:
    image = labelled_picture("glioma", 1)[:40, :40].astype(np.float32) / 255
    images = np.repeat(image[None, :, :, None], 12, axis=0)
    one = change_appearance(images, ALL_CHANGES, np.random.default_rng(1))
    again = change_appearance(images, ALL_CHANGES, np.random.default_rng(1))
    assert one.shape == images.shape
    assert one.dtype == np.float32
    assert one.min() >= 0
    assert one.max() <= 1
    assert np.array_equal(one, again)
    assert len({each.tobytes() for each in one}) == 12
    assert np.abs(one - images).mean(axis=(1, 2, 3)).min() > 0.005


def test_appearance_without_chances_changes_nothing() -> None:
    images = np.random.default_rng(0).random((2, 16, 16, 1), np.float32)
    none = Appearance(0, 0, 0, 0, 0, 0, 0, 0, 0)
    np.testing.assert_allclose(change_appearance(images, none, np.random.default_rng(1)), images, atol=1e-6)


def test_clipped_greys_are_black_and_white_and_the_rest_keeps_its_order() -> None:
    image = np.linspace(0, 1, 1024, dtype=np.float32).reshape(1, 32, 32, 1)
    clipping = Appearance(0, 0, 0, 0, 0, 0, 0, 0, 0, clipped=1)
    found = [
        change_appearance(image, clipping, np.random.default_rng(seed))[0, ..., 0].ravel()
        for seed in range(30)
    ]
    for each in found:
        assert (np.diff(each) >= 0).all()
        assert (each[0], each[-1]) == (0, 1)
    blacks, whites = ([(each == value).mean() for each in found] for value in (0, 1))
    assert 0.2 < max(blacks) <= 0.31
    assert 0.1 < max(whites) <= 0.16


def test_recipe_names_a_preprocessing_that_networks_here_are_trained_with(recipe: Recipe) -> None:
    read = recipe_from_dict({**recipe.as_dict(), "preprocessing": "grey-head-v1"})
    assert recipe_from_dict(json.loads(json.dumps(read.as_dict()))) == read
    for other in ("grey3-letterbox-v1", "something-else"):
        with pytest.raises(ValueError, match=other):
            recipe_from_dict({**recipe.as_dict(), "preprocessing": other})


@pytest.mark.parametrize("one_hot", [False, True])
def test_macro_recall_counts_classes_alike_and_leaves_absent_ones_out(one_hot: bool) -> None:
    truth = np.array([0, 0, 0, 0, 1])
    logits = np.eye(3, dtype=np.float32)[[0, 0, 0, 1, 1]]
    metric = MacroRecall(3)
    metric.update_state(np.eye(3, dtype=np.float32)[truth] if one_hot else truth, logits)
    assert float(metric.result()) == pytest.approx((0.75 + 1.0) / 2)


def test_what_is_compiled_runs_as_a_graph(recipe: Recipe) -> None:
    """Loss, recall and optimizer; to trace a whole network with them takes many times as long."""
    inputs = keras.Input((8, 8, 1))
    evidence = keras.layers.Conv2D(4, 3, name=EVIDENCE)(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(evidence))
    whole = one_cycle._compiled(model, recipe.fit, 4)
    images, classes = np.ones((8, 8, 8, 1), np.float32), np.eye(4, dtype=np.float32)[[0, 1, 2, 3] * 2]
    lesions = np.full((8, 6, 6, 1), 0.5, np.float32) * classes[:, None, None, :]
    history = whole.fit(images, {"logits": classes, EVIDENCE: lesions}, verbose=0).history
    assert {"loss", "logits_loss", f"{EVIDENCE}_loss", "logits_recall"} <= set(history)
    assert np.isfinite(history["loss"]).all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Even though the .tf.config.experimental_run_functions_eagerly")
def test_fold_that_is_left_out_is_not_learned_from_and_its_model_loads(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fitted(*arguments: Any, **options: Any) -> keras.Model:
        with step_by_step():
            return fit_one_cycle(*arguments, **options)

    monkeypatch.setattr(command, "fit_one_cycle", fitted)
    manifest = write_cohort(tmp_path / "data", per_class=4)
    path = train_fold(
        replace(recipe, fit=replace(recipe.fit, epochs=1)),
        tmp_path / "data", manifest, 1, tmp_path / "runs", lambda _done, _total: None,
    )  # fmt: skip
    assert path.name == "tiny-pyramid-fold1.json"
    model = load_manifest(path)
    assert model.training["split"]["training"]["folds"] == [0]
    assert model.training["split"]["validation"]["folds"] == [1]
    assert model.network.as_dict()["batch_norm"] is False
    result = Predictor.load(model).predict([labelled_picture("glioma", 0)])[0]
    assert result.class_codes == CODES


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Even though the .tf.config.experimental_run_functions_eagerly")
def test_interrupted_run_ends_where_an_unbroken_one_does(
    recipe: Recipe, without_graphs: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, names = tensors([0, 1, 2, 3] * 2), [str(index) for index in range(8)]
    # Two epochs of one step each, and one step to validate.
    short = replace(recipe, fit=replace(recipe.fit, epochs=2, draws=8))

    def run(folder: str) -> keras.Model:
        return fit_one_cycle(short, data, names, data, class_count=4, directory=tmp_path / folder, verbose=0)

    real, epochs = HistoryFile.on_epoch_end, []

    def interrupted(history: HistoryFile, epoch: int, logs: dict[str, float]) -> None:
        epochs.append(epoch)
        if epochs == [0, 1]:
            raise KeyboardInterrupt
        real(history, epoch, logs)

    monkeypatch.setattr(HistoryFile, "on_epoch_end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run("broken")
    assert len(read_history(tmp_path / "broken" / "history.csv")) == 1
    assert not (tmp_path / "broken" / "final.npz").exists()
    resumed = run("broken")
    assert epochs == [0, 1, 1]
    whole = run("whole")
    assert [row["epoch"] for row in read_history(tmp_path / "broken" / "history.csv")] == [0, 1]
    assert {"logits_recall", "val_logits_recall", "loss", "val_loss"} <= set(
        read_history(tmp_path / "whole" / "history.csv")[0]
    )
    for one, other in zip(resumed.weights, whole.weights, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-3, atol=1e-4)
    assert sorted(path.name for path in (tmp_path / "whole").iterdir()) == ["final.npz", "history.csv"]
    again = run("whole")
    assert np.array_equal(again.weights[0].numpy(), whole.weights[0].numpy())
    assert len(read_history(tmp_path / "whole" / "history.csv")) == 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Even though the .tf.config.experimental_run_functions_eagerly")
def test_run_begins_with_the_weights_of_another(recipe: Recipe, without_graphs: None, tmp_path: Path) -> None:
    data, names = tensors([0, 1, 2, 3] * 2), [str(index) for index in range(8)]
    short = replace(recipe, fit=replace(recipe.fit, epochs=1, draws=8))
    still = replace(short, seed=9, fit=replace(short.fit, learning_rate=0.0))
    first = fit_one_cycle(short, data, names, None, class_count=4, directory=tmp_path / "first", verbose=0)
    (tmp_path / "second").mkdir()
    begun = fit_one_cycle(
        still, data, names, None, class_count=4, directory=tmp_path / "second",
        begun_from=tmp_path / "first" / "final.npz", verbose=0,
    )  # fmt: skip
    alone = replace(still, fit=replace(still.fit, begins_with="tiny-first"))
    with pytest.raises(DataError, match="train it in a plan"):
        fit_one_cycle(alone, data, names, None, class_count=4, directory=tmp_path / "alone", verbose=0)
    # Norms go on counting, and the seeds of dropout are each run's own.
    kept = [
        np.array_equal(one.numpy(), other.numpy())
        for one, other in zip(begun.trainable_weights, first.trainable_weights, strict=True)
    ]
    assert kept
    assert all(kept)


def test_recipe_that_stops_early_looks_at_another_fold_than_the_scored_one(recipe: Recipe) -> None:
    stopping = load_recipe("candidate-simple-none")
    split = for_fold(stopping, 4, [0, 1, 2, 3, 4]).split
    assert (split.training_folds, split.validation_folds) == ((1, 2, 3), (0,))
    fixed = for_fold(recipe, 4, [0, 1, 2, 3, 4]).split
    assert (fixed.training_folds, fixed.validation_folds) == ((0, 1, 2, 3), (4,))
    with pytest.raises(DataError, match="Received 7"):
        for_fold(recipe, 7, [0, 1])


def test_run_of_a_version_that_knew_fewer_settings_is_still_of_its_recipe(recipe: Recipe) -> None:
    recorded = json.loads(json.dumps({"recipe": recipe.as_dict(), "data_digest": "0" * 64}))
    del recorded["recipe"]["fit"]["blanked"], recorded["recipe"]["augmentation"]["margin"]
    recorded["recipe"]["title"] = "Called otherwise then"
    refuse_other(recorded, recipe, "0" * 64)
    for changed in (
        replace(recipe, fit=replace(recipe.fit, blanked=0.1)),
        replace(recipe, split=replace(recipe.split, training_folds=(0,), validation_folds=())),
        replace(recipe, seed=4),
    ):
        with pytest.raises(DataError, match="another version of the recipe"):
            refuse_other(recorded, changed, "0" * 64)
    recorded["recipe"]["fit"]["unheard_of"] = 1
    with pytest.raises(DataError, match="another version of the recipe"):
        refuse_other(recorded, recipe, "0" * 64)
