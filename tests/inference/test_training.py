from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from inference.__main__ import main
from inference.errors import DataError
from inference.manifest import load_manifest, verify_weights
from inference.training import command, fitting
from inference.training.augmentation import augment, random_transforms
from inference.training.command import copy_weights
from inference.training.data import Sample, load_tensors, read_samples
from inference.training.fitting import Batches, fit, read_history
from inference.training.recipe import Augmentation, load_recipe
from tests.inference.tiny import CODES, write_cohort

# Keras 3.15 reads TensorFlow variables in a way that numpy 2 deprecates; nothing of ours does.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RECIPE = """
id = "tiny"
title = "Tiny"
seed = 3
input_size = 32
[network]
kind = "plain_cnn"
dense = 12
dropout = 0.1
blocks = [{ filters = 6, batch_norm = false }, { filters = 8, batch_norm = false }]
[split]
training_folds = [1]
validation_folds = [0]
weight_copies = false
[augmentation]
rotation_degrees = 2.0
shift = 0.02
shear = 0.02
zoom = 0.02
[fit]
batch_size = 8
epochs = 12
learning_rate = 0.01
early_stopping_patience = 12
reduce_patience = 3
reduce_factor = 0.1
"""


def tiny_recipe(directory: Path, **changes: str) -> Path:
    text = RECIPE
    for old, new in changes.items():
        text = text.replace(f"{old} = ", f"{old} = {new} # ")
    path = directory / "tiny.toml"
    path.write_text(text, "utf-8")
    return path


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("cohort")
    write_cohort(directory, per_class=12)
    return directory


@pytest.fixture(scope="module")
def trained(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that one run of the train command fills."""
    out = tmp_path_factory.mktemp("trained")
    recipe = tiny_recipe(out)
    assert main(["train", str(recipe), "--data", str(cohort), "--out", str(out)]) == 0
    return out


@pytest.mark.slow
def test_train_command_writes_a_model_that_loads_and_has_learnt(trained: Path) -> None:
    manifest = load_manifest(trained / "tiny.json")
    figures = manifest.training["figures"]["validation"]
    assert verify_weights(manifest) == trained / "tiny.npz"
    assert manifest.training["split"]["validation"] == {
        "folds": [0],
        "images": 24,
        "slices": 12,
        "groups": 12,
    }
    assert manifest.training["recipe"]["seed"] == 3
    assert figures["n"] == 24
    assert figures["accuracy"] >= 0.75
    assert figures["distinct"]["n"] == 12
    assert not list(trained.glob("*.partial"))


@pytest.mark.slow
def test_history_has_one_row_an_epoch(trained: Path) -> None:
    history = read_history(trained / "tiny.fit" / "history.csv")
    assert [row["epoch"] for row in history] == list(range(12))
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"} <= set(history[0])


@pytest.mark.slow
def test_finished_run_is_not_trained_again(trained: Path, cohort: Path) -> None:
    before = (trained / "tiny.fit" / "history.csv").read_bytes()
    weights = (trained / "tiny.npz").read_bytes()
    assert main(["train", str(trained / "tiny.toml"), "--data", str(cohort), "--out", str(trained)]) == 0
    assert (trained / "tiny.fit" / "history.csv").read_bytes() == before
    assert (trained / "tiny.npz").read_bytes() == weights


@pytest.mark.slow
def test_interrupted_run_goes_on_where_it_stopped(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = load_recipe(str(tiny_recipe(tmp_path, epochs="5", reduce_patience="1", learning_rate="0.0")))
    samples = read_samples(cohort, cohort / "manifest.csv", CODES)
    data = load_tensors(samples[:16], CODES, 32)
    real = Batches.on_epoch_end
    ends: list[int] = []

    def interrupted(batches: Batches) -> None:
        ends.append(1)
        if len(ends) == 3:
            raise KeyboardInterrupt
        real(batches)

    def run() -> keras.Model:
        return fit(recipe, data, data, class_count=4, directory=tmp_path / "run", verbose=0)

    monkeypatch.setattr(fitting.Batches, "on_epoch_end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run()
    done = len(read_history(tmp_path / "run" / "history.csv"))
    assert 1 <= done < 5
    monkeypatch.setattr(fitting.Batches, "on_epoch_end", real)
    run()
    history = read_history(tmp_path / "run" / "history.csv")
    assert [row["epoch"] for row in history] == list(range(5))
    assert (tmp_path / "run" / "complete").exists()
    assert not (tmp_path / "run" / "checkpoint.npz").exists()


def test_resumed_run_has_the_learning_rate_that_the_past_epochs_led_to(tmp_path: Path) -> None:
    """An epoch without progress halved the rate; shown again after a resume it is halved once, not twice."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.Adam(0.5), loss="mse")
    model.optimizer.learning_rate = 0.25
    reduce = keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1)
    replay = fitting.Replay([{"val_loss": 1.0}, {"val_loss": 1.0}], [reduce], 0.5)
    for callback in (reduce, replay):
        callback.set_model(model)
        callback.on_train_begin()
    assert float(model.optimizer.learning_rate.numpy()) == 0.25


def test_batches_depend_on_seed_and_epoch_only(cohort: Path, tmp_path: Path) -> None:
    recipe = load_recipe(str(tiny_recipe(tmp_path)))
    data = load_tensors(read_samples(cohort, cohort / "manifest.csv", CODES)[:20], CODES, 32)
    first = Batches(data, recipe, None)
    first.on_epoch_end()
    resumed = Batches(data, recipe, None, first_epoch=1)
    assert len(resumed) == 3
    for index in range(3):
        for one, other in zip(first[index], resumed[index], strict=True):
            assert np.array_equal(one, other)
    assert not np.array_equal(Batches(data, recipe, None)[0][1], resumed[0][1])


def test_copies_of_a_slice_share_one_weight() -> None:
    samples = [Sample(Path("a"), "glioma", slice_id=name) for name in ("one", "two", "two", "two")]
    weights = copy_weights(samples)
    assert weights.tolist() == pytest.approx([2.0, 2 / 3, 2 / 3, 2 / 3])
    assert weights.mean() == pytest.approx(1.0)


def test_distinct_slices_are_one_image_a_slice_and_need_their_column() -> None:
    samples = [Sample(Path(name), "glioma", first_of_slice=name != "copy") for name in ("one", "copy", "two")]
    assert [sample.path.name for sample in command.distinct(samples)] == ["one", "two"]
    with pytest.raises(DataError, match="first_of_slice") as caught:
        command.distinct([Sample(Path("one"), "glioma")])
    assert caught.value.code == "data_invalid"


BOUNDS = Augmentation(rotation_degrees=2.0, shift=0.02, shear=0.02, zoom=0.02)


def test_augmentation_without_bounds_changes_nothing() -> None:
    images = np.random.default_rng(0).random((3, 32, 32, 1), np.float32)
    still = augment(images, Augmentation(0.0, 0.0, 0.0, 0.0), np.random.default_rng(1))
    np.testing.assert_allclose(still, images, atol=1e-6)


def test_augmentation_moves_corners_no_further_than_its_bounds() -> None:
    side = 200
    transforms = random_transforms(500, side, BOUNDS, np.random.default_rng(1)).astype(float)
    corner = np.array([side - 1.0, side - 1.0, 1.0])
    x, y = transforms[:, :3] @ corner, transforms[:, 3:6] @ corner
    moved = np.hypot(x - corner[0], y - corner[1])
    assert 5.0 < moved.max() < side * 0.5 * (np.radians(2.0) * 2 + 0.02 * 2 + 0.02 + 0.04 * 2)
    assert np.abs((x - corner[0]).mean()) < 1.0


def test_augmentation_rotates_and_does_not_only_shift() -> None:
    images = np.zeros((1, 65, 65, 1), np.float32)
    images[0, 32, 4:61] = 1.0
    turned = augment(images, Augmentation(20.0, 0.0, 0.0, 0.0), np.random.default_rng(2))[0, :, :, 0]
    rows = [int(turned[:, column].argmax()) for column in (12, 32, 52)]
    assert rows[1] == 32
    assert rows[0] - 32 == pytest.approx(32 - rows[2], abs=1)
    assert abs(rows[0] - rows[2]) >= 3


def write_rows(directory: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path = directory / "other.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_manifest_columns_are_read_and_may_be_absent(tmp_path: Path) -> None:
    rows = [
        {"path": "a.png", "label": "glioma", "group": "g", "fold": 2, "slice": "s", "first_of_slice": 1}
        | dict(zip(("x0", "y0", "x1", "y1"), (0.1, 0.2, 0.3, 0.4), strict=True)),
    ]
    assert read_samples(tmp_path, write_rows(tmp_path, rows), CODES) == [
        Sample(tmp_path / "a.png", "glioma", "g", 2, "s", True, (0.1, 0.2, 0.3, 0.4))
    ]
    assert read_samples(tmp_path, write_rows(tmp_path, [{"path": "a.png", "label": "glioma"}]), CODES) == [
        Sample(tmp_path / "a.png", "glioma")
    ]


def test_folder_with_one_subfolder_a_class_is_read(cohort: Path) -> None:
    samples = read_samples(cohort, None, CODES)
    assert len(samples) == 48
    assert {sample.label for sample in samples} == set(CODES)
    assert samples[0].group is None


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([{"path": "a.png"}], "data_invalid"),
        ([{"path": "a.png", "label": "chest"}], "data_invalid"),
        ([{"path": "a.png", "label": "glioma", "fold": "first"}], "data_invalid"),
    ],
)
def test_unusable_manifest_is_refused(tmp_path: Path, rows: list[dict[str, Any]], code: str) -> None:
    with pytest.raises(DataError) as caught:
        read_samples(tmp_path, write_rows(tmp_path, rows), CODES)
    assert caught.value.code == code


def test_folder_without_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_samples(tmp_path, None, CODES)
    assert caught.value.code == "data_missing"


def test_group_on_both_sides_of_the_split_is_refused(cohort: Path, tmp_path: Path) -> None:
    with (cohort / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [{**row, "group": "everybody"} for row in csv.DictReader(file)]
    with pytest.raises(DataError, match="more than one fold"):
        command.train(
            str(tiny_recipe(tmp_path)), cohort, write_rows(tmp_path, rows), tmp_path, lambda *_: None
        )
    assert not (tmp_path / "tiny.json").exists()


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"dense": '"many"'}, "many"), ({"validation_folds": "[1]"}, "both sides"), ({"kind": '"x"'}, "kind")],
)
def test_misspelt_recipe_is_refused(tmp_path: Path, changes: dict[str, str], word: str) -> None:
    with pytest.raises(DataError, match=word) as caught:
        load_recipe(str(tiny_recipe(tmp_path, **changes)))
    assert caught.value.code == "recipe_invalid"


def test_unknown_recipe_is_refused_with_the_shipped_ones() -> None:
    with pytest.raises(DataError, match="prototype-cnn-1"):
        load_recipe("no-such-recipe")


def test_shipped_recipe_is_the_prototypes_network() -> None:
    recipe = load_recipe("prototype-cnn-1")
    assert (recipe.input_size, recipe.fit.batch_size) == (227, 32)
    assert [(block.filters, block.batch_norm) for block in recipe.network.blocks] == [
        (16, False),
        (32, False),
        (64, True),
    ]
    assert (recipe.network.dense, recipe.network.dropout) == (128, 0.3)
    assert json.loads(json.dumps(recipe.as_dict()))["split"]["validation_folds"] == [0]
