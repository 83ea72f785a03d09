"""Where models lie: those that ship with this version, and those that the operator puts beside them.

A model is a manifest `<id>.json` and the files that it names, in one folder: the weights and, where it has
one, the compiled form. Web and workers may run on different machines; each has to find the files in a folder
of its own.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

from django.conf import settings

from inference.errors import ManifestError
from inference.manifest import MANIFEST_DIR, Manifest, load_manifest, verify_files


def folders() -> tuple[Path, ...]:
    """Where manifests are looked for, in this order: no file of MODEL_DIR stands in for a shipped model."""
    return (MANIFEST_DIR, Path(settings.MODEL_DIR))


def manifest_named(name: str) -> Manifest:
    """The manifest of the model of this id.

    Raises ManifestError manifest_missing, manifest_invalid or manifest_misnamed.
    """
    paths = [folder / f"{name}.json" for folder in folders()]
    path = next((path for path in paths if path.is_file()), paths[0])
    manifest = load_manifest(path)
    _check_name(path, manifest)
    return manifest


def verified(name: str, weights_sha256: str, compiled_sha256: str = "") -> Manifest:
    """The manifest of a registered model, with its files checked on this machine.

    What was registered without a compiled form runs without one, whatever lies here now. Raises
    ManifestError, also model_differs where these are other files than the registered ones.
    """
    manifest = manifest_named(name)
    if not compiled_sha256:
        manifest = replace(manifest, compiled=None)
    here = (manifest.weights_sha256, manifest.compiled.sha256 if manifest.compiled else "")
    for found, registered in zip(here, (weights_sha256, compiled_sha256), strict=True):
        if found != registered:
            raise ManifestError(
                "model_differs",
                f"The files of {name!r} on this machine are not those that were registered. "
                f"Received sha256 {found or 'of no compiled form'}.",
            )
    verify_files(manifest)
    return manifest


def found_names() -> list[str]:
    """The ids of all manifests in the folders, by name; whether they load is another question."""
    return sorted({path.stem for folder in folders() if folder.is_dir() for path in folder.glob("*.json")})


def manifest_in(path: Path) -> Path:
    """The manifest at `path`, or the one manifest in this folder. Raises ManifestError manifest_missing."""
    if not path.is_dir():
        return path
    found = sorted(path.glob("*.json"))
    if len(found) != 1:
        raise ManifestError(
            "manifest_missing",
            "A folder is registered by the one manifest (.json) in it; name the manifest itself. "
            f"Received a folder with {len(found)}.",
        )
    return found[0]


def take_in(path: Path) -> Manifest:
    """Check the model whose manifest is at `path`; copy it to MODEL_DIR unless it lies in one of the folders.

    Raises ManifestError, and then nothing was copied that could be loaded: weights go first, under another
    name, and the manifest last.
    """
    manifest = load_manifest(path)
    verify_files(manifest)
    if path.resolve().parent in {folder.resolve() for folder in folders()}:
        _check_name(path, manifest)
    if manifest.id in found_names():
        return _same_here(manifest)
    home = Path(settings.MODEL_DIR)
    try:
        home.mkdir(parents=True, exist_ok=True)
        _copy_files(manifest, home)
        _copy(path, home / f"{manifest.id}.json")
    except OSError as error:
        raise ManifestError(
            "model_dir_unwritable",
            f"The model cannot be copied to MODEL_DIR ({error.strerror}). Put its files there yourself, "
            f"on every machine that analyses. Received {manifest.id!r}.",
        ) from error
    return manifest_named(manifest.id)


def _check_name(path: Path, manifest: Manifest) -> None:
    if path.name != f"{manifest.id}.json":
        raise ManifestError(
            "manifest_misnamed",
            f"The manifest of {manifest.id!r} has to be called {manifest.id}.json. Received {path.name!r}.",
        )


def _same_here(manifest: Manifest) -> Manifest:
    """The manifest of this id that is in the folders; refused where it is of another model."""
    here = manifest_named(manifest.id)
    if here.as_dict() != manifest.as_dict():
        raise ManifestError(
            "model_differs",
            f"Another model of this id is here already; give the new one a new id. Received {manifest.id!r}.",
        )
    verify_files(here)
    return here


def _copy_files(manifest: Manifest, home: Path) -> None:
    _copy_named(manifest, manifest.weights_file, manifest.weights_sha256, home)
    if manifest.compiled is not None:
        _copy_named(manifest, manifest.compiled.file, manifest.compiled.sha256, home)


def _copy_named(manifest: Manifest, name: str, sha256: str, home: Path) -> None:
    target = home / name
    if not target.exists():
        _copy(manifest.directory / name, target)
        return
    with target.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() == sha256:
            return
    raise ManifestError(
        "weights_taken",
        "MODEL_DIR has other weights under this name; rename the new file and its entry in the manifest. "
        f"Received {name!r}.",
    )


def _copy(source: Path, target: Path) -> None:
    """Copy whole or not at all: what breaks off leaves a .partial that nobody loads."""
    partial = target.with_name(f"{target.name}.partial")
    try:
        shutil.copyfile(source, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
