"""A network with a compiled form is registered only where both engines agree, and runs only as registered."""

from __future__ import annotations

import copy
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from cases.analysis import model_files, model_versions
from cases.models import ModelVersion
from inference.errors import ManifestError
from inference.manifest import default_manifest

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

SHIPPED = default_manifest()
assert SHIPPED.compiled is not None
WEIGHTS = (SHIPPED.directory / SHIPPED.weights_file).read_bytes()
COMPILED = (SHIPPED.directory / SHIPPED.compiled.file).read_bytes()


@pytest.fixture(autouse=True)
def models(tmp_path: Path, settings: Any) -> Path:
    """An empty MODEL_DIR."""
    settings.MODEL_DIR = str(tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture
def copied(tmp_path: Path) -> Callable[..., Path]:
    """The shipped network under another name, perhaps with other weights; its manifest's path."""

    def write(weights: bytes = WEIGHTS, **changes: Any) -> Path:
        files = {"twin.npz": weights, "twin.tflite": COMPILED}
        for name, data in files.items():
            (tmp_path / name).write_bytes(data)
        digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        fields = copy.deepcopy(SHIPPED.as_dict()) | {
            "id": "twin",
            "weights_file": "twin.npz",
            "weights_sha256": digests["twin.npz"],
            "compiled": {"file": "twin.tflite", "sha256": digests["twin.tflite"]},
        }
        path = tmp_path / "twin.json"
        path.write_text(json.dumps(fields | changes), "utf-8")
        return path

    return write


def moved_weights() -> bytes:
    """The shipped weights with one bias of the logits moved."""
    with np.load(io.BytesIO(WEIGHTS)) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays["context_evidence/bias"] = arrays["context_evidence/bias"] + np.float32([0.5, 0, 0, 0])
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def register(path: Path) -> str:
    out = io.StringIO()
    call_command("models", "register", str(path), stdout=out)
    return out.getvalue()


def test_network_whose_forms_agree_is_registered_with_both_files(
    copied: Callable[..., Path], models: Path
) -> None:
    said = register(copied())
    assert "Both engines agree on 8 pictures" in said
    assert sorted(each.name for each in models.iterdir()) == ["twin.json", "twin.npz", "twin.tflite"]
    assert ModelVersion.objects.get().compiled_sha256 == SHIPPED.compiled.sha256


def test_network_whose_compiled_form_is_of_other_weights_is_not_registered(
    copied: Callable[..., Path], models: Path
) -> None:
    with pytest.raises(CommandError, match="engines_disagree"):
        register(copied(moved_weights()))
    assert not ModelVersion.objects.exists()
    assert not models.exists()


def test_compiled_form_that_does_something_else_than_the_manifest_says_is_not_registered(
    copied: Callable[..., Path], models: Path
) -> None:
    classes = [{"code": code, "label": code} for code in ("a", "b", "notumor")]
    with pytest.raises(CommandError, match="compiled_unfit"):
        register(copied(classes=classes))
    assert not models.exists()


def test_compiled_form_that_is_exchanged_later_is_found(copied: Callable[..., Path], models: Path) -> None:
    version = model_versions.register_file(by=None, path=copied())
    digests = (version.weights_sha256, version.compiled_sha256)
    assert model_files.verified("twin", *digests).compiled is not None
    fields = json.loads((models / "twin.json").read_text("utf-8"))
    (models / "twin.tflite").write_bytes(b"another")
    fields["compiled"]["sha256"] = hashlib.sha256(b"another").hexdigest()
    (models / "twin.json").write_text(json.dumps(fields), "utf-8")
    with pytest.raises(ManifestError) as refused:
        model_files.verified("twin", *digests)
    assert refused.value.code == "model_differs"


def test_version_registered_without_a_compiled_form_runs_without_one(copied: Callable[..., Path]) -> None:
    version = model_versions.register_file(by=None, path=copied())
    assert model_files.verified("twin", version.weights_sha256).compiled is None
