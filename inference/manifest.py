"""A model's manifest: one JSON file that binds weights, classes, preprocessing, layers, recipe and figures.

A manifest that does not fit its schema, names another preprocessing or does not match its weights is refused.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inference.architecture import External, Network, network_from_dict
from inference.errors import ManifestError
from inference.preprocessing import CHANNELS

MANIFEST_DIR = Path(__file__).parent / "manifests"
DEFAULT_MODEL = "secondread-4"

_SCHEMA_FILE = Path(__file__).parent / "manifest_schema.json"


@dataclass(frozen=True)
class Colour:
    """A class's colour on light and on dark ground, as #rrggbb."""

    light: str
    dark: str


@dataclass(frozen=True)
class ClassLabel:
    """One class: `code` for programs, `label` for people. labels: in other languages, by their codes.

    colour: None where pages choose one.
    """

    code: str
    label: str
    labels: Mapping[str, str] | None = None
    colour: Colour | None = None


@dataclass(frozen=True)
class LayerInfo:
    """A layer with Grad-CAM maps. grid: rows and columns of its maps over the padded square; channels of its
    features. labels: in other languages, by their codes.
    """

    name: str
    label: str
    grid: tuple[int, int]
    channels: int
    labels: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Compiled:
    """A model's compiled form, which LiteRT runs: a file beside the manifest, and its digest."""

    file: str
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a model is. Classes stand in the order of its outputs, layers from the input to the output.

    weights_file: what the network is made from; of an External one the file that is run, or, beside its
    compiled form, the arrays of its gate. layers: none where there are no maps. training: recipe, data
    digest, split and figures, as the training command recorded them; empty where they are not known.
    temperature: divides the logits before the softmax. gate: method and thresholds of the input gate, whose
    arrays lie with the weights, or None. training_images: perceptual hashes of what it was trained on
    (inference.fingerprints), or None where they are not known. negative_class: code of the class that means
    "nothing found", or None where no class does. compiled: the form that LiteRT runs, or None where there is
    none. directory: where the files lie.
    """

    id: str
    title: str
    created: str
    weights_file: str
    weights_sha256: str
    classes: tuple[ClassLabel, ...]
    input_size: int
    preprocessing: str
    layers: tuple[LayerInfo, ...]
    network: Network
    training: Mapping[str, Any]
    temperature: float
    licence: str
    attributions: tuple[str, ...]
    directory: Path
    gate: Mapping[str, Any] | None = None
    training_images: Mapping[str, Any] | None = None
    negative_class: str | None = None
    compiled: Compiled | None = None

    @property
    def class_codes(self) -> tuple[str, ...]:
        """Codes in the order of the network's outputs."""
        return tuple(each.code for each in self.classes)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the explained layers, from the input to the output."""
        return tuple(each.name for each in self.layers)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, without the directory: the same on every machine."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "directory"}
        fields["classes"] = [_given(asdict(each)) for each in self.classes]
        fields["layers"] = [_given({**asdict(each), "grid": list(each.grid)}) for each in self.layers]
        fields["network"] = self.network.as_dict()
        fields["training"] = dict(self.training)
        fields["attributions"] = list(self.attributions)
        fields["compiled"] = asdict(self.compiled) if self.compiled else None
        for name in ("gate", "training_images"):
            fields[name] = dict(fields[name]) if fields[name] is not None else None
        return fields


def load_manifest(path: Path) -> Manifest:
    """Read and check the manifest at `path`; the weights are checked by `verify_weights`.

    Raises ManifestError manifest_missing or manifest_invalid.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(
            "manifest_missing", f"There is no manifest for this model. Received {path.stem!r}."
        ) from error
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise ManifestError(
            "manifest_invalid", f"The manifest is not JSON. Received {path.name!r}."
        ) from error
    return manifest_from_dict(fields, path.parent)


def manifest_from_dict(fields: Mapping[str, Any], directory: Path) -> Manifest:
    """Return the manifest that `fields` hold. Raises ManifestError manifest_invalid where it contradicts
    itself.
    """
    _check_schema(fields)
    manifest = Manifest(
        **{
            "training": {},
            **fields,
            "classes": tuple(_class(each) for each in fields["classes"]),
            "layers": tuple(LayerInfo(**{**each, "grid": tuple(each["grid"])}) for each in fields["layers"]),
            "network": network_from_dict(fields["network"]),
            "attributions": tuple(fields["attributions"]),
            "compiled": _compiled(fields),
            "directory": directory,
        }
    )
    _check_consistency(manifest)
    return manifest


def default_manifest() -> Manifest:
    """Return the manifest of the model that ships with this version."""
    return load_manifest(MANIFEST_DIR / f"{DEFAULT_MODEL}.json")


def verify_weights(manifest: Manifest) -> Path:
    """Return the path of the weights once their SHA-256 is the manifest's.

    Raises ManifestError weights_missing or weights_mismatch.
    """
    return _verified(manifest, manifest.weights_file, manifest.weights_sha256)


def verify_compiled(manifest: Manifest) -> Path:
    """Return the path of the compiled form once its SHA-256 is the manifest's.

    Raises ManifestError weights_missing or weights_mismatch.
    """
    if manifest.compiled is None:
        raise ManifestError("weights_missing", f"The model has no compiled form. Received {manifest.id!r}.")
    return _verified(manifest, manifest.compiled.file, manifest.compiled.sha256)


def verify_files(manifest: Manifest) -> None:
    """Check every file that the manifest names. Raises ManifestError weights_missing or weights_mismatch."""
    verify_weights(manifest)
    if manifest.compiled is not None:
        verify_compiled(manifest)


def _verified(manifest: Manifest, file_name: str, sha256: str) -> Path:
    path = manifest.directory / file_name
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ManifestError(
            "weights_missing", f"The weights of this model are missing. Received {file_name!r}."
        ) from error
    if found != sha256:
        raise ManifestError(
            "weights_mismatch",
            f"The weights are not those that the manifest of {manifest.id!r} names. "
            f"Received {file_name!r} with sha256 {found}.",
        )
    return path


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    """What is said of a class or a layer, without what is left out."""
    return {name: value for name, value in fields.items() if value is not None}


def _class(fields: Mapping[str, Any]) -> ClassLabel:
    colour = Colour(**fields["colour"]) if fields.get("colour") else None
    return ClassLabel(**{**fields, "colour": colour})


def _compiled(fields: Mapping[str, Any]) -> Compiled | None:
    """The compiled form; of a network that is nothing but a .tflite file that file."""
    if fields.get("compiled"):
        return Compiled(**fields["compiled"])
    if fields["network"]["kind"] == External.kind and fields["weights_file"].endswith(".tflite"):
        return Compiled(fields["weights_file"], fields["weights_sha256"])
    return None


def _check_schema(fields: Mapping[str, Any]) -> None:
    import jsonschema

    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(_schema()).iter_errors(fields))
    if error is not None:
        raise ManifestError(
            "manifest_invalid", f"The manifest is invalid at {error.json_path}: {error.message}."
        )


@functools.cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(_SCHEMA_FILE.read_text("utf-8"))
    return schema


def _check_consistency(manifest: Manifest) -> None:
    """What a schema cannot say: preprocessing, codes and layers must be those that this code can serve."""
    demands = {
        "preprocessing": manifest.preprocessing in CHANNELS,
        "classes": len(set(manifest.class_codes)) == len(manifest.classes),
        "negative_class": manifest.negative_class in (None, *manifest.class_codes),
        "weights_file": Path(manifest.weights_file).name == manifest.weights_file,
        "compiled.file": manifest.compiled is None
        or Path(manifest.compiled.file).name == manifest.compiled.file,
        **_demands_of_network(manifest),
    }
    for field, met in demands.items():
        if not met:
            raise ManifestError(
                "manifest_invalid",
                f"The manifest of {manifest.id!r} does not fit this version. Received {field!r}.",
            )


def _demands_of_network(manifest: Manifest) -> dict[str, bool]:
    network = manifest.network
    if isinstance(network, External):
        # Without the network's description, what runs it must be there: a file that an engine reads.
        runs = manifest.compiled is not None or manifest.weights_file.endswith(".keras")
        has_arrays = manifest.weights_file.endswith(".npz")
        return {
            "weights_file of an external network": runs,
            "gate": manifest.gate is None or has_arrays,
            "layers": len(set(manifest.layer_names)) == len(manifest.layers),
        }
    grids = network.grids(manifest.input_size)
    return {
        "preprocessing of this network": CHANNELS.get(manifest.preprocessing) == 1,
        "training": bool(manifest.training),
        "layers": manifest.layer_names == network.layer_names(),
        "layers.grid": tuple(each.grid for each in manifest.layers) == tuple((side, side) for side in grids),
        "layers.channels": tuple(each.channels for each in manifest.layers) == network.channels,
        "compiled": manifest.compiled is None or manifest.compiled.file != manifest.weights_file,
    }
