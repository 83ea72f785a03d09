from __future__ import annotations

import resource
from pathlib import Path

import keras
import numpy as np
import pytest

from inference.errors import DataError
from inference.training.checkpoints import load_variables, save_variables
from inference.training.command import train_fold
from inference.training.data import Tensors
from inference.training.fitting import HistoryFile, fit, read_history
from inference.training.recipe import Augmentation, Fit, Recipe, Split
from inference.training.run_record import claim
from tests.inference.tiny import NETWORK, SIZE, write_cohort

# Keras 3.15 reads TensorFlow variables in a way that numpy 2 deprecates; nothing of ours does.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RECIPE = Recipe(
    id="tiny",
    title="Tiny",
    seed=3,
    input_size=SIZE,
    network=NETWORK,
    split=Split((1,), (0,), weight_copies=False),
    augmentation=Augmentation(5.0, 0.1, 0.0, 0.0),
    fit=Fit(4, 4, 0.01, early_stopping_patience=4, reduce_patience=1, reduce_factor=0.5),
)


def two_dense(units: int = 3) -> keras.Model:
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(units), keras.layers.Dense(1)])


def values_of(model: keras.Model) -> list[np.ndarray]:
    return [np.asarray(variable.numpy()) for variable in model.variables]


def test_variables_come_back_to_the_bit_with_their_epochs(tmp_path: Path) -> None:
    model = two_dense()
    before = values_of(model)
    save_variables(tmp_path / "state.npz", model.variables, 7)
    for variable in model.variables:
        variable.assign(variable + 1.0)
    assert load_variables(tmp_path / "state.npz", model.variables) == 7
    assert all(np.array_equal(one, other) for one, other in zip(before, values_of(model), strict=True))
    assert [path.name for path in tmp_path.iterdir()] == ["state.npz"]


def test_no_checkpoint_means_no_epoch_and_no_change(tmp_path: Path) -> None:
    model = two_dense()
    before = values_of(model)
    assert load_variables(tmp_path / "state.npz", model.variables) == 0
    assert all(np.array_equal(one, other) for one, other in zip(before, values_of(model), strict=True))


def test_checkpoint_of_another_network_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    save_variables(tmp_path / "state.npz", two_dense(4).variables, 1)
    model = two_dense(3)
    before = values_of(model)
    with pytest.raises(DataError) as caught:
        load_variables(tmp_path / "state.npz", model.variables)
    assert caught.value.code == "run_mismatch"
    assert all(np.array_equal(one, other) for one, other in zip(before, values_of(model), strict=True))


def test_full_disk_leaves_the_former_checkpoint_whole(tmp_path: Path) -> None:
    model = two_dense(300)
    save_variables(tmp_path / "state.npz", model.variables, 1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            save_variables(tmp_path / "state.npz", model.variables, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert load_variables(tmp_path / "state.npz", model.variables) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["state.npz"]


def test_epoch_that_is_repeated_replaces_its_row_and_those_after_it(tmp_path: Path) -> None:
    history = HistoryFile(tmp_path / "history.csv")
    for epoch, loss in ((0, 3.0), (1, 2.0), (2, 1.0), (1, 1.5)):
        history.on_epoch_end(epoch, {"loss": loss})
    assert read_history(tmp_path / "history.csv") == [
        {"epoch": 0.0, "loss": 3.0},
        {"epoch": 1.0, "loss": 1.5},
    ]


def noise() -> Tensors:
    rng = np.random.default_rng(0)
    images = rng.random((16, SIZE, SIZE, 1)).astype(np.float16)
    return Tensors(images, np.arange(16) % 4, "0" * 64, np.full((16, 4), np.nan, np.float32))


@pytest.mark.slow
def test_resumed_run_ends_where_the_uninterrupted_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights, optimizer, learning rate, order, augmentation and dropout all go on from the third epoch."""

    def run(name: str) -> keras.Model:
        return fit(RECIPE, noise(), noise(), class_count=4, directory=tmp_path / name, verbose=0)

    whole = values_of(run("whole"))
    real = HistoryFile.on_epoch_end

    def interrupted(history: HistoryFile, epoch: int, logs: dict[str, float]) -> None:
        """After the best weights of the third epoch are written, before anything else about it is."""
        if epoch == 2:
            raise KeyboardInterrupt
        real(history, epoch, logs)

    monkeypatch.setattr(HistoryFile, "on_epoch_end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run("resumed")
    assert len(read_history(tmp_path / "resumed" / "history.csv")) == 2
    monkeypatch.setattr(HistoryFile, "on_epoch_end", real)
    resumed = values_of(run("resumed"))
    for one, other in zip(whole, resumed, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
    histories = [read_history(tmp_path / name / "history.csv") for name in ("whole", "resumed")]
    assert [row["learning_rate"] for row in histories[0]] == [row["learning_rate"] for row in histories[1]]
    assert [row["loss"] for row in histories[0]] == pytest.approx(
        [row["loss"] for row in histories[1]], rel=1e-3
    )


def test_interrupted_run_of_other_images_is_not_gone_on_with(tmp_path: Path) -> None:
    manifest = write_cohort(tmp_path, per_class=4)
    claim(tmp_path / "runs" / "tiny-fold0.fit", RECIPE, "0" * 64)
    with pytest.raises(DataError) as caught:
        train_fold(RECIPE, tmp_path, manifest, 0, tmp_path / "runs", lambda *_: None)
    assert caught.value.code == "run_mismatch"
    assert not (tmp_path / "runs" / "tiny-fold0.json").exists()
