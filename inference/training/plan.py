"""Plans: which recipes are trained, each on all folds and once without each fold, and how they are joined."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inference.architecture import FeaturePyramid
from inference.errors import DataError
from inference.training.recipe import OneCycle, Recipe, Split, load_recipe, recipe_from_dict

PLAN_DIR = Path(__file__).parent / "plans"


@dataclass(frozen=True)
class Plan:
    """What is trained, in this order, and the network that the members make. mirrored: as an Ensemble's.

    foundations: what is trained before, for members that begin with it, and is no part of the network.
    """

    id: str
    title: str
    members: tuple[Recipe, ...]
    mirrored: bool
    foundations: tuple[Recipe, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, which `plan_from_dict` reads."""
        members, foundations = (
            [recipe.as_dict() for recipe in recipes] for recipes in (self.members, self.foundations)
        )
        plan = {"id": self.id, "title": self.title, "members": members, "mirrored": self.mirrored}
        return {**plan, "foundations": foundations}


def load_plan(name_or_path: str) -> Plan:
    """Read a shipped plan by its name or any other by its path; its members are recipes by name or by path.

    Raises DataError recipe_invalid.
    """
    path = PLAN_DIR / f"{name_or_path}.toml"
    path = path if path.is_file() else Path(name_or_path)
    try:
        fields = tomllib.loads(path.read_text("utf-8"))
        members, foundations = (
            tuple(load_recipe(str(name)) for name in names)
            for names in (fields["members"], fields.get("foundations", ()))
        )
        return _checked(Plan(fields["id"], fields["title"], members, bool(fields["mirrored"]), foundations))
    except OSError as error:
        shipped = ", ".join(sorted(each.stem for each in PLAN_DIR.glob("*.toml")))
        raise DataError(
            "recipe_invalid", f"There is no such plan; shipped are {shipped}. Received {name_or_path!r}."
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise DataError("recipe_invalid", f"The plan is incomplete or misspelt. Received {error}.") from error


def read_plan(path: Path) -> Plan:
    """Read a plan as `pack` wrote it. Raises DataError recipe_invalid."""
    try:
        return plan_from_dict(json.loads(path.read_text("utf-8")))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            "recipe_invalid", f"This is no folder that `pack` made. Received {path.parent.name!r}."
        ) from error


def plan_from_dict(fields: Mapping[str, Any]) -> Plan:
    """Read what `Plan.as_dict` says. Raises KeyError, TypeError, ValueError or DataError."""
    members, foundations = (
        tuple(recipe_from_dict(each) for each in recipes)
        for recipes in (fields["members"], fields.get("foundations", ()))
    )
    return _checked(Plan(fields["id"], fields["title"], members, bool(fields["mirrored"]), foundations))


def runs_of(plan: Plan, folds: Sequence[int]) -> list[Recipe]:
    """Return every training of the plan, in order, foundations first: of each recipe the network of all
    folds, and then one for each fold, which leaves it out. Raises DataError data_missing for fewer than two
    folds.
    """
    if len(folds) < 2:
        raise DataError("data_missing", f"A plan needs two folds or more. Received folds {list(folds)}.")
    return [
        replace(recipe, id=name_of(recipe, fold), split=_split(recipe, folds, fold))
        for recipe in (*plan.foundations, *plan.members)
        for fold in (None, *folds)
    ]


def name_of(recipe: Recipe, fold: int | None) -> str:
    """Return the name of the run that leaves out this fold, or none."""
    return recipe.id if fold is None else f"{recipe.id}-fold{fold}"


def _split(recipe: Recipe, folds: Sequence[int], left_out: int | None) -> Split:
    return replace(
        recipe.split,
        training_folds=tuple(fold for fold in folds if fold != left_out),
        validation_folds=() if left_out is None else (left_out,),
    )


def _checked(plan: Plan) -> Plan:
    recipes = (*plan.foundations, *plan.members)
    names = [recipe.id for recipe in recipes]
    if not plan.members or len(set(names)) < len(names) or plan.id in names:
        raise DataError(
            "recipe_invalid", f"A plan has members, each once, and a name of its own. Received {names}."
        )
    for recipe in recipes:
        if not isinstance(recipe.network, FeaturePyramid) or not isinstance(recipe.fit, OneCycle):
            raise DataError(
                "recipe_invalid",
                f"The members of a plan are feature pyramids under one cycle. Received {recipe.id!r}.",
            )
        first = next((each for each in plan.foundations if each.id == recipe.fit.begins_with), None)
        if recipe.fit.begins_with and (first is None or first.network != recipe.network):
            raise DataError(
                "recipe_invalid",
                "What a recipe begins with is a foundation of its plan with the same network. "
                f"Received {recipe.fit.begins_with!r}.",
            )
    if len({(recipe.input_size, recipe.preprocessing) for recipe in plan.members}) > 1:
        raise DataError(
            "recipe_invalid", f"The members of a plan see one size, prepared in one way. Received {names}."
        )
    return plan
