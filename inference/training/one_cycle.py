"""Fitting under one cycle of the learning rate, with lesion boxes as a second and a third, weak signal.

The schedule is fixed beforehand and the last epoch is the result: a fold that is held out is looked at for
the history's sake only, so that figures on it are figures on patients that nothing was chosen by.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from inference.architecture import EvidencePyramid, FeaturePyramid
from inference.errors import DataError
from inference.lite import EVIDENCE, freeze
from inference.networks import build_network
from inference.training import imagenet
from inference.training.appearance import change_appearance
from inference.training.augmentation import random_transforms, warp, warp_boxes
from inference.training.blanking import blank, box_elsewhere, pixel_box
from inference.training.checkpoints import Backup, load_variables, save_variables, state_of
from inference.training.data import Tensors
from inference.training.fitting import HistoryFile
from inference.training.recall import MacroRecall
from inference.training.recipe import OneCycle, Recipe

# The head that tells at each place which lesion is there. It is left out of what ships.
DENSE = "lesion_map"
_LESION = "lesion"
# How much more a cell weighs in its loss that a lesion covers.
_COVER_WEIGHT = 9.0
# Of the boxes that are blanked, how many are the lesion's.
_LESION_SHARE = 0.5

Batch = tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]


class Draws(keras.utils.PyDataset):
    """Augmented batches of slices drawn with balanced classes; seed and epoch alone fix every draw."""

    def __init__(
        self,
        data: Tensors,
        slices: Sequence[str],
        recipe: Recipe,
        grid: int,
        class_count: int,
        epoch: int,
        negative: int | None = None,
    ) -> None:
        # Where JAX trains, on a GPU, the next batches are made beside it; on a CPU threads would take turns.
        super().__init__(workers=2 if keras.backend.backend() == "jax" else 1)
        self._data, self._recipe, self._grid, self._class_count = data, recipe, grid, class_count
        self._negative = negative
        self._fit = _fit_of(recipe)
        self._copies = _copies(slices)
        self._chances = _chances(data.labels[[copies[0] for copies in self._copies]], self._fit.class_balance)
        self._epoch = epoch
        self._order = self._drawn()

    def __len__(self) -> int:
        return math.ceil(self._fit.draws / self._fit.batch_size)

    def __getitem__(self, index: int) -> Batch:
        size = self._fit.batch_size
        chosen = self._order[index * size : (index + 1) * size]
        rng = np.random.default_rng([self._recipe.seed, self._epoch, index])
        images = self._data.images[chosen].astype(np.float32)
        classes = np.eye(self._class_count, dtype=np.float32)[self._data.labels[chosen]]
        boxes = self._data.boxes[chosen]
        known = _known(self._data, chosen, self._negative)
        if self._fit.blanked:
            take_out(images, classes, boxes, self._fit.blanked, rng)
        side = images.shape[1]
        transforms = random_transforms(len(images), side, self._recipe.augmentation, rng)
        images = warp(images, transforms)
        if self._recipe.appearance:
            images = change_appearance(images, self._recipe.appearance, rng)
        lesions = warp_boxes(boxes, transforms, side, self._grid)
        return images, targets_of(classes, lesions, known if self._fit.dense_weight else None)

    def on_epoch_end(self) -> None:
        """Draw for the next epoch."""
        self._epoch += 1
        self._order = self._drawn()

    def _drawn(self) -> NDArray[np.int64]:
        """Indices of images: systematic draws, each slice as often as its chance says, then a copy of it."""
        rng = np.random.default_rng([self._recipe.seed, self._epoch])
        order = rng.permutation(len(self._copies))
        edges = np.cumsum(self._chances[order]) * self._fit.draws
        picks = order[
            np.searchsorted(edges, np.arange(self._fit.draws) + rng.random(), side="right") % len(order)
        ]
        rng.shuffle(picks)
        return np.array([rng.choice(self._copies[pick]) for pick in picks], np.int64)


def take_out(
    images: NDArray[np.float32],
    classes: NDArray[np.float32],
    boxes: NDArray[np.float32],
    chance: float,
    rng: np.random.Generator,
) -> None:
    """Blank the marked lesion of some images, in place, after which every class is as likely; of as many
    others a box of the same size elsewhere, after which the class is what it was.

    images: (B, S, S, 1) in [0, 1]. classes: (B, C), one-hot. boxes: (B, 4), shares of the square or NaN.
    Without this a network may know a tumour by what surrounds it: by the scanner, the plane, the crop.
    """
    marked = np.flatnonzero(~np.isnan(boxes[:, 0]))
    for index in marked[rng.random(len(marked)) < chance]:
        grey = np.rint(images[index, ..., 0] * 255).astype(np.uint8)
        x0, y0, x1, y1 = (float(each) for each in boxes[index])
        box = pixel_box((x0, y0, x1, y1), (grey.shape[0], grey.shape[1]))
        if rng.random() < _LESION_SHARE:
            classes[index], boxes[index] = 1 / classes.shape[1], np.nan
        elif (other := box_elsewhere(grey, box, rng)) is not None:
            box = other
        else:
            continue
        images[index, ..., 0] = blank(grey, box).astype(np.float32) / 255


def lesion_loss(covered: Any, evidence: Any) -> Any:
    """Return (B,): minus the log of the share of the true class's evidence that lies in the lesion's box.

    covered: (B, h, w, C), the box's cover of each cell in the true class's channel, zeros elsewhere; an image
    without a box gives 0. evidence: (B, h, w, C), taken through softplus, so that a class whose evidence is
    negative everywhere still learns where to look.
    """
    per_class = keras.ops.max(covered, axis=(1, 2))
    true_class = keras.ops.cast(per_class > 0, evidence.dtype)
    heat = keras.ops.softplus(keras.ops.sum(evidence * true_class[:, None, None, :], axis=-1))
    inside = keras.ops.sum(heat * keras.ops.sum(covered, axis=-1), axis=(1, 2))
    share = (inside + 1e-3) / (keras.ops.sum(heat, axis=(1, 2)) + 1e-3)
    return -keras.ops.log(share) * keras.ops.max(true_class, axis=-1)


def dense_loss(truth: Any, logits: Any) -> Any:
    """Return (B,): the cross-entropy at each place, weighted by the lesion's cover, and its mean.

    truth: (B, h, w, 1 + C), shares of the background and of each class, as `targets_of` makes them; an image
    whose lesion is not marked has zeros and gives 0. logits: (B, h, w, 1 + C).
    """
    entropy = -keras.ops.sum(truth * keras.ops.log_softmax(logits, axis=-1), axis=-1)
    weights = 1.0 + _COVER_WEIGHT * keras.ops.sum(truth[..., 1:], axis=-1)
    return keras.ops.mean(weights * entropy, axis=(1, 2))


def targets_of(
    classes: NDArray[np.float32], lesions: NDArray[np.float32], known: NDArray[np.bool_] | None
) -> dict[str, NDArray[np.float32]]:
    """Return what a batch is compared with, by the outputs' names.

    classes: (B, C). lesions: (B, h, w), each cell's cover by the lesion's box. known: (B,), whether what is
    not covered is known to be no lesion; None where no dense map is learned.
    """
    covered = lesions[..., None] * classes[:, None, None, :]
    targets = {"logits": classes, EVIDENCE: covered}
    if known is not None:
        dense = np.concatenate([1 - lesions[..., None], covered], axis=-1)
        targets[DENSE] = dense * known[:, None, None, None]
    return targets


def fit_one_cycle(
    recipe: Recipe,
    training: Tensors,
    slices: Sequence[str],
    validation: Tensors | None,
    *,
    class_count: int,
    directory: Path,
    negative: int | None = None,
    imagenet_weights: Path | None = None,
    begun_from: Path | None = None,
    verbose: int = 2,
) -> keras.Model:
    """Train, or go on where an interrupted run in `directory` stopped, and return the last epoch's model.

    slices: (N,) what each training image is a copy of. `directory` receives history.csv, final.npz and, until
    the run is complete, its checkpoint. negative: the class whose images have no lesion, marked or not.
    imagenet_weights: as `imagenet.initialise` takes them. begun_from: final.npz of a run of the same network,
    whose weights are the first instead. Raises OSError where there is no room; no
    half-written file stays.
    """
    directory.mkdir(parents=True, exist_ok=True)
    final, checkpoint = directory / "final.npz", directory / "checkpoint.npz"
    keras.utils.set_random_seed(recipe.seed)
    model = build_network(recipe.network, recipe.input_size, class_count)
    if load_variables(final, model.variables):
        return model
    settings = _fit_of(recipe)
    if settings.begins_with and begun_from is None:
        raise DataError(
            "recipe_invalid",
            "This recipe begins with another's weights; train it in a plan, by `pack` and `train-all`. "
            f"Received {recipe.id!r}.",
        )
    if begun_from is not None:
        load_variables(begun_from, model.variables)
    elif settings.initial_weights:
        imagenet.initialise(model, _backbone_of(recipe), imagenet_weights)
    freeze(model, settings.frozen_stages, settings.frozen_norms)
    with_evidence = _compiled(model, settings, class_count)
    done = load_variables(checkpoint, state_of(with_evidence))
    grid = recipe.network.grids(recipe.input_size)[-1]
    if done < settings.epochs:
        with_evidence.fit(
            Draws(training, slices, recipe, grid, class_count, done, negative),
            validation_data=_held_out(validation, settings, class_count, grid, negative)
            if validation
            else None,
            validation_batch_size=settings.batch_size,
            epochs=settings.epochs,
            initial_epoch=done,
            callbacks=[HistoryFile(directory / "history.csv"), Backup(checkpoint)],
            # Keras would shuffle the batches once more, by a state that a resumed run does not have.
            shuffle=False,
            verbose=verbose,
        )
    save_variables(final, model.variables, settings.epochs)
    checkpoint.unlink()
    return model


def _compiled(model: keras.Model, settings: OneCycle, class_count: int) -> keras.Model:
    steps = settings.epochs * math.ceil(settings.draws / settings.batch_size)
    warmup = round(steps * settings.warmup_share)
    schedule = keras.optimizers.schedules.CosineDecay(
        settings.learning_rate / 25, steps - warmup, warmup_target=settings.learning_rate, warmup_steps=warmup
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=settings.weight_decay, global_clipnorm=5.0)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    outputs = {"logits": model.output, EVIDENCE: model.get_layer(EVIDENCE).output}
    losses: dict[str, Any] = {
        "logits": keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=settings.label_smoothing
        ),
        EVIDENCE: lesion_loss,
    }
    shares = {"logits": 1.0, EVIDENCE: settings.box_weight}
    if settings.dense_weight:
        head = keras.layers.Dense(class_count + 1, dtype="float32", name=DENSE)
        outputs[DENSE] = head(model.get_layer(_LESION).output)
        losses[DENSE], shares[DENSE] = dense_loss, settings.dense_weight
    whole = keras.Model(model.inputs, outputs)
    whole.compile(
        optimizer=optimizer,
        loss=losses,
        loss_weights=shares,
        metrics={"logits": ["accuracy", MacroRecall(class_count)]},
    )
    whole.optimizer.build(whole.trainable_variables)
    return whole


def _held_out(data: Tensors, settings: OneCycle, class_count: int, grid: int, negative: int | None) -> Batch:
    still = np.tile(np.array([1, 0, 0, 0, 1, 0], np.float32), (len(data.labels), 1))
    classes = np.eye(class_count, dtype=np.float32)[data.labels]
    lesions = warp_boxes(data.boxes, still, data.images.shape[1], grid)
    known = _known(data, np.arange(len(data.labels)), negative) if settings.dense_weight else None
    return data.images.astype(np.float32), targets_of(classes, lesions, known)


def _known(data: Tensors, rows: NDArray[np.int64], negative: int | None) -> NDArray[np.bool_]:
    """(B,): whether it is known of each place of these images if a lesion is there."""
    marked: NDArray[np.bool_] = ~np.isnan(data.boxes[rows, 0])
    return marked if negative is None else marked | (data.labels[rows] == negative)


def _copies(slices: Sequence[str]) -> list[NDArray[np.int64]]:
    _, index = np.unique(np.asarray(slices), return_inverse=True)
    order = np.argsort(index, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(index[order])) + 1)


def _chances(labels: NDArray[np.int64], balance: float) -> NDArray[np.float64]:
    counts = np.bincount(labels)
    chances = counts[labels].astype(np.float64) ** -balance
    return chances / chances.sum()


def _fit_of(recipe: Recipe) -> OneCycle:
    if not isinstance(recipe.fit, OneCycle):
        raise TypeError(f"This recipe has no one-cycle schedule: {recipe.id}")
    return recipe.fit


def _backbone_of(recipe: Recipe) -> str:
    if not isinstance(recipe.network, EvidencePyramid | FeaturePyramid):
        raise DataError(
            "recipe_invalid",
            f"No network of this kind has ImageNet weights. Received {recipe.network.kind!r}.",
        )
    return recipe.network.backbone
