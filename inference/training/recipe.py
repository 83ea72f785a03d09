"""Recipes: one small TOML file says everything that makes a training run what it is."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inference.architecture import Described, External, network_from_dict
from inference.errors import DataError
from inference.preprocessing import CHANNELS, PREPROCESSING_ID

RECIPE_DIR = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class Split:
    """Folds of the data's manifest. weight_copies: every copy of a slice weighs 1 / copies in the loss.

    distinct_only: one image a slice on both sides, the rows with first_of_slice 1; the copies are left out.
    """

    training_folds: tuple[int, ...]
    validation_folds: tuple[int, ...]
    weight_copies: bool
    distinct_only: bool = False


@dataclass(frozen=True)
class Augmentation:
    """Bounds of uniform draws, both signs: degrees of rotation; shift, shear and zoom as shares of
    the side. mirror, flip: chances of the left-right and the upside-down image. margin: the chance of a
    picture that is shrunk by up to a third, each axis by itself, with black around it.
    """

    rotation_degrees: float
    shift: float
    shear: float
    zoom: float
    mirror: float = 0.0
    flip: float = 0.0
    margin: float = 0.0


@dataclass(frozen=True)
class Appearance:
    """Chances of each change an image (inference.training.appearance); gamma and contrast are bounds."""

    gamma: float
    contrast: float
    shading: float
    coarsen: float
    sharpness: float
    noise: float
    compression: float
    crop: float
    erase: float
    clipped: float = 0.0


@dataclass(frozen=True)
class Fit:
    """Adam with early stopping, learning-rate reduction and best checkpoint, all on the validation loss."""

    batch_size: int
    epochs: int
    learning_rate: float
    early_stopping_patience: int
    reduce_patience: int
    reduce_factor: float


@dataclass(frozen=True)
class OneCycle:
    """AdamW under one cycle of the learning rate, warm-up and cosine to zero; no fold is looked at to stop.

    draws: slices an epoch, each by one of its copies at random. learning_rate: the highest. class_balance: 0
    draws classes as they occur, 1 draws all alike. box_weight: of the loss that asks the last layer's
    evidence to lie in the lesion's box. initial_weights: "imagenet", or empty for random ones. frozen_stages:
    how many of the first stages keep their weights. frozen_norms: the backbone's norms keep theirs. blanked:
    the chance that a marked lesion is taken out, and its class with it, or as large a piece elsewhere.
    dense_weight: of the loss that tells at each place of the last layer which lesion is there, or none.
    begins_with: the recipe whose weights are the first, of the run that leaves the same fold out.
    """

    batch_size: int
    epochs: int
    draws: int
    learning_rate: float
    warmup_share: float
    weight_decay: float
    label_smoothing: float
    class_balance: float
    box_weight: float
    initial_weights: str = ""
    frozen_stages: int = 0
    frozen_norms: bool = False
    blanked: float = 0.0
    dense_weight: float = 0.0
    begins_with: str = ""


@dataclass(frozen=True)
class Recipe:
    """A training run as data; `seed` fixes initial weights, order and augmentation. preprocessing: as
    `preprocessing.to_tensor` takes it.
    """

    id: str
    title: str
    seed: int
    input_size: int
    network: Described
    split: Split
    augmentation: Augmentation
    fit: Fit | OneCycle
    appearance: Appearance | None = None
    preprocessing: str = PREPROCESSING_ID

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, as it is recorded in the manifest."""
        return {**asdict(self), "network": self.network.as_dict()}


def load_recipe(name_or_path: str) -> Recipe:
    """Read a shipped recipe by its name or any other by its path. Raises DataError recipe_invalid."""
    path = RECIPE_DIR / f"{name_or_path}.toml"
    path = path if path.is_file() else Path(name_or_path)
    try:
        fields = tomllib.loads(path.read_text("utf-8"))
        return recipe_from_dict(fields)
    except OSError as error:
        shipped = ", ".join(sorted(each.stem for each in RECIPE_DIR.glob("*.toml")))
        raise DataError(
            "recipe_invalid", f"There is no such recipe; shipped are {shipped}. Received {name_or_path!r}."
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            "recipe_invalid", f"The recipe is incomplete or misspelt. Received {error}."
        ) from error


def recipe_from_dict(fields: Mapping[str, Any]) -> Recipe:
    """Read what a recipe's file or `Recipe.as_dict` says. Raises KeyError, TypeError or ValueError."""
    network = network_from_dict(fields["network"])
    if isinstance(network, External):
        raise ValueError(f"a network that is trained elsewhere, {network.kind!r}")  # noqa: TRY004 - of a file
    recipe = Recipe(
        **{
            **fields,
            "network": network,
            "split": Split(**{key: _frozen(value) for key, value in fields["split"].items()}),
            "augmentation": Augmentation(**fields["augmentation"]),
            "fit": OneCycle(**fields["fit"]) if "draws" in fields["fit"] else Fit(**fields["fit"]),
            "appearance": Appearance(**fields["appearance"]) if fields.get("appearance") else None,
        }
    )
    if set(recipe.split.training_folds) & set(recipe.split.validation_folds):
        raise ValueError("a fold on both sides of the split")
    if CHANNELS.get(recipe.preprocessing) != 1:
        raise ValueError(f"a preprocessing that no network here is trained with, {recipe.preprocessing!r}")
    return recipe


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
