"""Every training of a packed plan, on whichever machine the pack lies; resumable at any moment.

What is complete is left as it is, what was interrupted goes on at its last epoch. Several processes, also on
several calls, share the work: each holds a lock on the run that it trains, which the system takes back from a
process that ends, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.errors import DataError
from inference.files import Tell, write_whole
from inference.training.data import Sample, Tensors, load_tensors, read_samples
from inference.training.export import CLASSES, NEGATIVE_CLASS
from inference.training.one_cycle import fit_one_cycle
from inference.training.packing import IMAGES, MANIFEST, PLAN, first_weights
from inference.training.plan import Plan, name_of, read_plan, runs_of
from inference.training.recipe import OneCycle, Recipe
from inference.training.run_record import claim

CODES = tuple(each.code for each in CLASSES)


@dataclass(frozen=True)
class Pack:
    """A pack whose images lie unpacked in its folder `data`."""

    directory: Path
    plan: Plan
    samples: tuple[Sample, ...]

    @property
    def folds(self) -> list[int]:
        """The folds of the data, sorted."""
        return sorted({sample.fold for sample in self.samples if sample.fold is not None})

    @property
    def runs(self) -> list[Recipe]:
        """Every training, in the order in which they are done."""
        return runs_of(self.plan, self.folds)

    def of(self, folds: Sequence[int]) -> list[Sample]:
        """Return the samples of these folds, in their order."""
        return [sample for sample in self.samples if sample.fold in folds]

    def run_directory(self, recipe: Recipe) -> Path:
        """Return where a training has its history, checkpoint and, at last, final.npz."""
        return self.directory / "runs" / recipe.id

    def is_complete(self, recipe: Recipe) -> bool:
        """Whether this training is done."""
        return (self.run_directory(recipe) / "final.npz").is_file()


def open_pack(directory: Path) -> Pack:
    """Unpack the images, once, and return the pack. Raises DataError recipe_invalid or data_invalid."""
    plan = read_plan(directory / PLAN)
    data = directory / "data"
    with _locked(directory / "data.lock"):
        if not data.is_dir():
            _extract(directory / IMAGES, data)
    return Pack(directory, plan, tuple(read_samples(data, data / MANIFEST, CODES)))


def train_all(directory: Path, tell: Tell, verbose: int = 2) -> int:
    """Train what nobody else trains and is not complete. Returns how many trainings are not complete then."""
    pack = open_pack(directory)
    for recipe in pack.runs:
        with _locked(directory / "runs" / f"{recipe.id}.lock", wait=False) as mine:
            # What a run begins with is perhaps trained by another process, which comes to this run after it.
            first = begun_from(pack, recipe)
            if mine and not pack.is_complete(recipe) and (first is None or first.is_file()):
                tell(f"{recipe.id}: begins, or goes on.")
                _train(pack, recipe, verbose)
                tell(f"{recipe.id}: done.")
    return sum(not pack.is_complete(recipe) for recipe in pack.runs)


def begun_from(pack: Pack, recipe: Recipe) -> Path | None:
    """Return where the weights lie that a run begins with, or will; None where these are ImageNet's."""
    begins_with = recipe.fit.begins_with if isinstance(recipe.fit, OneCycle) else ""
    if not begins_with:
        return None
    foundation = next(each for each in pack.plan.foundations if each.id == begins_with)
    left_out = recipe.split.validation_folds[0] if recipe.split.validation_folds else None
    return pack.directory / "runs" / name_of(foundation, left_out) / "final.npz"


def hand_over(pack: Pack, results: Path) -> list[str]:
    """Write what is complete to `results`, as it lies in `runs` but in half precision, and return the names.

    That is what travels back: put beside the others in the `runs` of the pack at home, it is unpacked there.
    """
    complete = [recipe.id for recipe in pack.runs if pack.is_complete(recipe)]
    for name in complete:
        source, target = pack.directory / "runs" / name, results / name
        target.mkdir(parents=True, exist_ok=True)
        with np.load(source / "final.npz", allow_pickle=False) as archive:
            arrays: dict[str, Any] = {key: _in_half(archive[key]) for key in archive.files}
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        write_whole(target / "final.npz", buffer.getvalue())
        for beside in ("run.json", "history.csv"):
            write_whole(target / beside, (source / beside).read_bytes())
    return complete


def _in_half(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Kernels, which are nearly all of it, in half precision; norms, biases and seeds as they are."""
    return values.astype(np.float16) if values.ndim > 1 else values


def _train(pack: Pack, recipe: Recipe, verbose: int) -> None:
    decoded = _decoded(pack, recipe.input_size, recipe.preprocessing)
    rows = _rows(pack, recipe.split.training_folds)
    seen = decoded.of(rows)
    claim(pack.run_directory(recipe), recipe, seen.digest)
    fit_one_cycle(
        recipe,
        seen,
        [pack.samples[row].slice_id or str(pack.samples[row].path) for row in rows],
        # Looking at the fold that is left out, for the history's sake, would take a tenth of the time.
        None,
        class_count=len(CODES),
        directory=pack.run_directory(recipe),
        negative=CODES.index(NEGATIVE_CLASS),
        imagenet_weights=first_weights(pack.directory, recipe),
        begun_from=begun_from(pack, recipe),
        verbose=verbose,
    )


def _rows(pack: Pack, folds: Sequence[int]) -> list[int]:
    return [row for row, sample in enumerate(pack.samples) if sample.fold in folds]


@dataclass(frozen=True, eq=False)
class _Decoded:
    """All images, decoded; `images` stays on disk and is shared by all processes."""

    images: NDArray[np.float16]
    labels: NDArray[np.int64]
    boxes: NDArray[np.float32]
    digests: NDArray[np.str_]

    def of(self, rows: Sequence[int]) -> Tensors:
        """Return some of them, with the digest that `load_tensors` gives them."""
        digest = hashlib.sha256()
        for row in rows:
            digest.update(f"{self.digests[row]} {CODES[self.labels[row]]}\n".encode())
        return Tensors(self.images[rows], self.labels[rows], digest.hexdigest(), self.boxes[rows])


def _decoded(pack: Pack, size: int, preprocessing: str) -> _Decoded:
    images, rest = (pack.directory / f"tensors-{preprocessing}-{size}{ending}" for ending in (".npy", ".npz"))
    with _locked(pack.directory / "data.lock"):
        if not rest.is_file():
            found = load_tensors(pack.samples, CODES, size, preprocessing=preprocessing)
            digests = [hashlib.sha256(sample.path.read_bytes()).hexdigest() for sample in pack.samples]
            np.save(images, found.images)
            partial = rest.with_name(f"partial-{rest.name}")
            np.savez(partial, labels=found.labels, boxes=found.boxes, digests=np.array(digests, np.str_))
            partial.replace(rest)
    with np.load(rest, allow_pickle=False) as archive:
        arrays: dict[str, Any] = {name: archive[name] for name in ("labels", "boxes", "digests")}
    return _Decoded(np.load(images, mmap_mode="r"), **arrays)


def _extract(archive: Path, data: Path) -> None:
    partial = data.with_name(f"{data.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with tarfile.open(archive, "r:xz") as images:
            images.extractall(partial, filter="data")
    except (OSError, EOFError, tarfile.TarError) as error:
        raise DataError(
            "data_invalid", f"The packed images cannot be read. Received {archive.name!r}."
        ) from error
    partial.replace(data)


@contextlib.contextmanager
def _locked(path: Path, wait: bool = True) -> Iterator[bool]:
    """Hold the lock, or say that somebody else does. The system frees it when a process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
