"""From a pack whose trainings are complete to the model that ships: members, ensembles, figures, card."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from inference.architecture import Ensemble, FeaturePyramid
from inference.errors import DataError
from inference.files import Tell, write_whole
from inference.manifest import load_manifest
from inference.networks import build_network
from inference.pyramid import assemble
from inference.training.calibration import calibration, cross_fitted
from inference.training.card import model_card
from inference.training.checkpoints import load_variables
from inference.training.crossvalidation import out_of_fold, report
from inference.training.exams import exam_report
from inference.training.export import export_network, shipped
from inference.training.folds import HeldOut, held_out
from inference.training.gate_report import gate_report
from inference.training.out_of_domain import OutOfDomain
from inference.training.plan import Plan, name_of
from inference.training.progress import Progress
from inference.training.publishing import publish
from inference.training.recipe import Recipe
from inference.training.robustness import robustness
from inference.training.run_record import digest_of, refuse_other
from inference.training.train_all import CODES, Pack

Figures = dict[str, Any]


@dataclass(frozen=True)
class Chosen:
    """What ships: the plan, or some of its members under the name that they have.

    mirrored: as an Ensemble's.
    """

    plan: Plan
    members: tuple[Recipe, ...]
    mirrored: bool

    @property
    def id(self) -> str:
        """The plan's name for all members, else theirs."""
        whole = len(self.members) == len(self.plan.members)
        return self.plan.id if whole else "-and-".join(recipe.id for recipe in self.members)

    @property
    def title(self) -> str:
        """What people read."""
        whole = len(self.members) == len(self.plan.members)
        return self.plan.title if whole else " + ".join(recipe.title for recipe in self.members)


def choose(pack: Pack, names: Sequence[str] = (), *, straight: bool = False) -> Chosen:
    """Return what ships of the pack: all members, or those of these names. straight: without mirror images.

    Raises DataError recipe_invalid for a name that is none, data_missing while a training is not complete.
    """
    known = [recipe.id for recipe in pack.plan.members]
    if unknown := set(names) - set(known):
        raise DataError(
            "recipe_invalid",
            f"The plan's members are {', '.join(known)}. Received {', '.join(sorted(unknown))}.",
        )
    members = tuple(recipe for recipe in pack.plan.members if not names or recipe.id in names)
    wanted = {name_of(recipe, fold) for recipe in members for fold in (None, *pack.folds)}
    if left := [each.id for each in pack.runs if each.id in wanted and not pack.is_complete(each)]:
        raise DataError(
            "data_missing",
            f"Trainings are not complete; let `train-all` go on, or choose other members. "
            f"Received {', '.join(left)}.",
        )
    return Chosen(pack.plan, members, pack.plan.mirrored and not straight)


def unpack(
    pack: Pack,
    chosen: Chosen,
    out: Path,
    out_of_domain: Sequence[OutOfDomain],
    *,
    progress: Progress,
    tell: Tell,
) -> Path:
    """Write the model that ships, its figures and its card into `out`; return the path of its manifest.

    The models of the folds, by which it is measured, and the figures as JSON go into `out`/measured.
    """
    measured = out / "measured"
    measured.mkdir(parents=True, exist_ok=True)
    models = [load_manifest(joined(pack, chosen, fold, measured)) for fold in pack.folds]
    trained = load_manifest(joined(pack, chosen, None, measured))
    figures = measure(held_out(models), pack, out_of_domain, progress=progress, tell=tell)
    for name, content in figures.items():
        write_whole(measured / f"{name}.json", (json.dumps(content, indent=2) + "\n").encode())
    together = {**figures.pop("cross_validation"), **figures}
    tell("The gate of the network that ships.")
    path = publish(trained, pack.samples, together, (), out_of_domain, out, progress=progress)
    write_whole(out / f"{chosen.id}.md", model_card(load_manifest(path)).encode())
    return path


def measure(
    models: Sequence[HeldOut],
    pack: Pack,
    out_of_domain: Sequence[OutOfDomain],
    *,
    progress: Progress,
    tell: Tell,
) -> Figures:
    """Return what `crossvalidate`, `gate` and `robustness` write, by their names."""
    tell("Cross-validation.")
    found = out_of_fold(models, pack.samples, progress=progress)
    temperatures = cross_fitted(found)
    crossed = {**report(found, temperatures), "calibration": calibration(found)}
    if (exams := exam_report(found, temperatures)) is not None:
        crossed["exams"] = exams
    tell("The input gate.")
    gate = gate_report(models, pack.samples, out_of_domain, progress=progress)
    tell("Robustness.")
    changed = robustness(models, pack.samples, progress=progress)
    return {"cross_validation": crossed, "gate": gate, "robustness": changed}


def joined(pack: Pack, chosen: Chosen, fold: int | None, directory: Path) -> Path:
    """Write the network of all members that leave this fold out, or none; return its manifest's path."""
    parts = [_member(pack, recipe, fold) for recipe in chosen.members]
    network = Ensemble(tuple(part for part, _ in parts), chosen.mirrored)
    first = chosen.members[0]
    model = build_network(network, first.input_size, len(CODES))
    assemble([member for _, member in parts], model)
    training = [sample for sample in pack.samples if sample.fold != fold]
    validation = [sample for sample in pack.samples if sample.fold == fold]
    recipe = {
        "plan": chosen.plan.id,
        "members": [member.as_dict() for member in chosen.members],
        "mirrored": chosen.mirrored,
        "foundations": [recipe.as_dict() for recipe in chosen.plan.foundations],
    }
    return export_network(
        model,
        network,
        name=chosen.id if fold is None else f"{chosen.id}-fold{fold}",
        title=chosen.title,
        recipe=recipe,
        data_digest=digest_of(training),
        training=training,
        validation=validation,
        directory=directory,
        preprocessing=first.preprocessing,
    )


def _member(pack: Pack, recipe: Recipe, fold: int | None) -> tuple[FeaturePyramid, keras.Model]:
    """Return a trained member as it ships, its norms folded. Raises DataError run_mismatch."""
    run = next(each for each in pack.runs if each.id == name_of(recipe, fold))
    directory = pack.run_directory(run)
    record = json.loads((directory / "run.json").read_text("utf-8"))
    refuse_other(record, run, digest_of(pack.of(run.split.training_folds)))
    model = build_network(run.network, run.input_size, len(CODES))
    load_variables(directory / "final.npz", model.variables)
    network, folded = shipped(run, model)
    if not isinstance(network, FeaturePyramid):
        raise TypeError(f"This is no member of a plan: {recipe.id}")
    return network, folded
