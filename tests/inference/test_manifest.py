from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inference.errors import ManifestError
from inference.manifest import (
    MANIFEST_DIR,
    Manifest,
    default_manifest,
    load_manifest,
    manifest_from_dict,
    verify_weights,
)
from tests.inference.tiny import manifest_fields, tiny_manifest


def refusal(path: Path) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        load_manifest(path)
    return caught.value


def written(directory: Path, fields: Any) -> Path:
    path = directory / "tiny.json"
    path.write_text(json.dumps(fields), "utf-8")
    return path


def test_manifest_survives_its_own_json(tmp_path: Path) -> None:
    manifest = tiny_manifest(tmp_path)
    again = manifest_from_dict(json.loads(json.dumps(manifest.as_dict())), tmp_path)
    assert again == manifest
    assert "directory" not in manifest.as_dict()


def test_missing_manifest_is_told_as_missing(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.json").code == "manifest_missing"


def test_manifest_that_is_not_json_is_invalid(tmp_path: Path) -> None:
    path = tmp_path / "tiny.json"
    path.write_text("{", "utf-8")
    assert refusal(path).code == "manifest_invalid"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "../other"),
        ("weights_sha256", "abc"),
        ("weights_file", "../tiny.npz"),
        ("classes", [{"code": "one", "label": "One"}]),
        ("classes", [{"code": "one", "label": "One"}, {"code": "one", "label": "Two"}]),
        ("negative_class", "healthy"),
        ("preprocessing", "something-else"),
        ("layers", []),
        ("temperature", 0),
        ("network", {"kind": "transformer"}),
        ("input_size", 64),
        ("surprise", True),
    ],
)
def test_manifest_with_a_wrong_field_is_invalid(tmp_path: Path, field: str, value: Any) -> None:
    error = refusal(written(tmp_path, {**manifest_fields(b""), field: value}))
    assert error.code == "manifest_invalid"
    assert error.retryable is False


def test_manifest_without_a_required_field_is_invalid(tmp_path: Path) -> None:
    fields = manifest_fields(b"")
    del fields["temperature"]
    assert "temperature" in refusal(written(tmp_path, fields)).message


def test_class_that_means_nothing_found_is_one_of_the_classes_or_none(tmp_path: Path) -> None:
    fields = manifest_fields(b"")
    assert manifest_from_dict(fields, tmp_path).negative_class is None
    assert manifest_from_dict({**fields, "negative_class": "notumor"}, tmp_path).negative_class == "notumor"


@pytest.mark.parametrize("name", ["prototype-cnn-1", "secondread-lite-2", "secondread-4"])
def test_shipped_manifest_says_which_class_means_nothing_found(name: str) -> None:
    assert load_manifest(MANIFEST_DIR / f"{name}.json").negative_class == "notumor"


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    manifest = tiny_manifest(tmp_path)
    (tmp_path / "tiny.npz").unlink()
    with pytest.raises(ManifestError) as caught:
        verify_weights(manifest)
    assert caught.value.code == "weights_missing"


def test_weights_that_changed_by_one_byte_are_refused(tmp_path: Path) -> None:
    manifest = tiny_manifest(tmp_path)
    assert verify_weights(manifest) == tmp_path / "tiny.npz"
    data = bytearray((tmp_path / "tiny.npz").read_bytes())
    data[-1] ^= 1
    (tmp_path / "tiny.npz").write_bytes(data)
    with pytest.raises(ManifestError) as caught:
        verify_weights(manifest)
    assert caught.value.code == "weights_mismatch"


def test_shipped_manifest_is_valid_and_fits_its_weights() -> None:
    manifest = default_manifest()
    assert isinstance(manifest, Manifest)
    assert (manifest.id, manifest.input_size) == ("secondread-4", 160)
    assert manifest.class_codes == ("glioma", "meningioma", "notumor", "pituitary")
    assert [(layer.name, layer.grid, layer.channels) for layer in manifest.layers] == [
        ("context", (5, 5), 512),
        ("lesion", (20, 20), 256),
    ]
    assert manifest.gate is not None
    assert manifest.training_images is not None
    assert manifest.temperature != 1


def test_all_that_ships_fits_and_each_stays_below_twenty_megabytes() -> None:
    shipped = [load_manifest(path) for path in sorted(MANIFEST_DIR.glob("*.json"))]
    assert {"prototype-cnn-1", "secondread-lite-2", "secondread-4"} <= {each.id for each in shipped}
    assert max(verify_weights(each).stat().st_size for each in shipped) < 20e6


def test_light_modules_load_neither_tensorflow_nor_django() -> None:
    script = (
        "import sys, inference, inference.canonical, inference.errors, inference.formats\n"
        "import inference.heatmaps, inference.manifest, inference.preprocessing\n"
        "heavy = {'tensorflow', 'keras', 'django', 'celery', 'sklearn', 'scipy', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=root, check=True
    )
    assert result.stdout.strip() == "[]"
