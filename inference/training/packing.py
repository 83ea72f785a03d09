"""A folder with everything that a bare machine needs to train a plan: code, pictures, first weights.

    plan.json             what is trained
    images.tar.xz         manifest.csv and the image files, byte for byte; one stream, so that the headers
                          that all of them share are kept once
    imagenet-<name>.npz   the backbones' first weights
    code/                 this package
    requirements.txt      what must be installed there

`train_all` adds `data/` (the images as files), `tensors-<preprocessing>-<size>.*` (decoded once) and `runs/`.
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path

import inference
from inference.architecture import EvidencePyramid, FeaturePyramid
from inference.errors import DataError
from inference.files import Tell, write_whole
from inference.training import imagenet
from inference.training.data import Sample, read_samples, refuse_contradictions
from inference.training.export import CLASSES
from inference.training.folds import refuse_shared_groups
from inference.training.plan import Plan
from inference.training.recipe import OneCycle, Recipe

PLAN, IMAGES, MANIFEST = "plan.json", "images.tar.xz", "manifest.csv"

_CODE = (".py", ".json")
_REQUIREMENTS = ("keras", "numpy", "Pillow", "scipy", "scikit-learn", "jax[cuda13]")


def pack(plan: Plan, directory: Path, manifest: Path, out: Path, tell: Tell) -> int:
    """Write the folder, which must be empty or new, and return its size in bytes.

    Raises DataError, of data and of weights, before anything is written; OSError where there is no room.
    """
    codes = tuple(each.code for each in CLASSES)
    samples = read_samples(directory, manifest, codes, tell)
    names = [_name_of(sample, directory) for sample in samples]
    folds = {sample.fold for sample in samples}
    if None in folds or len(folds) < 2:
        raise DataError(
            "data_missing",
            f"Every image needs a fold, and there are two or more. Received {sorted(map(str, folds))}.",
        )
    refuse_shared_groups(samples)
    refuse_contradictions(samples, directory)
    weights = {
        name: imagenet.pack_weights(name) for name in sorted(_backbones((*plan.foundations, *plan.members)))
    }
    if out.exists() and any(out.iterdir()):
        raise DataError("data_invalid", f"The folder for the pack must be empty. Received {out.name!r}.")
    out.mkdir(parents=True, exist_ok=True)
    for name, data in weights.items():
        write_whole(weights_file(out, name), data)
    write_whole(out / IMAGES, _archive(samples, names, manifest))
    _copy_code(out / "code")
    write_whole(out / "requirements.txt", ("\n".join(_REQUIREMENTS) + "\n").encode())
    write_whole(out / PLAN, (json.dumps(plan.as_dict(), indent=2) + "\n").encode())
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def weights_file(pack: Path, backbone: str) -> Path:
    """Return where a backbone's first weights lie in a pack."""
    return pack / f"imagenet-{backbone}.npz"


def first_weights(pack: Path, recipe: Recipe) -> Path | None:
    """Return where the recipe's first weights lie in a pack; None where they are random."""
    names = _backbones([recipe])
    return weights_file(pack, names.pop()) if names else None


def _backbones(recipes: Sequence[Recipe]) -> set[str]:
    return {
        recipe.network.backbone
        for recipe in recipes
        if isinstance(recipe.network, EvidencePyramid | FeaturePyramid)
        and isinstance(recipe.fit, OneCycle)
        and recipe.fit.initial_weights
    }


def _name_of(sample: Sample, directory: Path) -> str:
    """The image's name in the archive, as its manifest names it. Raises DataError data_invalid."""
    if not sample.path.is_relative_to(directory):
        raise DataError(
            "data_invalid",
            "An image that is packed lies in the folder of the data. "
            f"Received {sample.path.name!r}, {sample.place}.",
        )
    return sample.path.relative_to(directory).as_posix()


def _archive(samples: Sequence[Sample], names: Sequence[str], manifest: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz", format=tarfile.PAX_FORMAT) as archive:
        for name, path in ((MANIFEST, manifest), *zip(names, (each.path for each in samples), strict=True)):
            data = path.read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _copy_code(out: Path) -> None:
    """Copy what of this package trains; weights of models that ship are left out."""
    source = Path(inference.__file__).parent
    for path in sorted(source.rglob("*")):
        if path.suffix in _CODE and "__pycache__" not in path.parts and path.parent.name != "manifests":
            target = out / source.name / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
