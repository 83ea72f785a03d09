"""Networks that were made elsewhere: what an engine takes of them, and what it refuses."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from inference.engines import load_engine
from inference.engines.base import logits_of
from inference.errors import ManifestError
from inference.gate import Gate
from inference.manifest import Manifest, load_manifest
from inference.predictor import Predictor
from tests.inference.tiny import labelled_picture

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIZE, CLASSES = 16, [{"code": "a", "label": "A"}, {"code": "b", "label": "B"}]
PICTURES = [labelled_picture("glioma", 1), labelled_picture("notumor", 2)]


def network(channels: int = 1, softmax: bool = False) -> keras.Model:
    keras.utils.set_random_seed(2)
    inputs = keras.Input((SIZE, SIZE, channels))
    features = keras.layers.Conv2D(5, 3, strides=4, activation="relu", name="last")(inputs)
    logits = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(features))
    return keras.Model(inputs, keras.layers.Softmax()(logits) if softmax else logits)


def tflite(model: keras.Model, outputs: dict[str, str] | None = None, quantised: bool = False) -> bytes:
    """The model as a file. outputs: names of further outputs, by the layer that gives them."""
    taps = [model.get_layer(layer).output for layer in (outputs or {}).values()]
    whole = keras.Model(model.inputs[0], [model.output, *taps]) if taps else model

    def give(tensors: tf.Tensor) -> Any:
        found = whole(tensors, training=False)
        if not outputs:
            return found
        logits, *features = found
        means = dict(zip(outputs, (tf.reduce_mean(each, (1, 2)) for each in features), strict=True))
        return {"logits": logits, **means}

    module = tf.Module()
    module.held = [variable.value for variable in model.weights]
    signature = [tf.TensorSpec((1, *model.inputs[0].shape[1:]), tf.float32)]
    concrete = tf.function(give, input_signature=signature).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    if quantised:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: iter(
            [[np.random.default_rng(0).random((1, SIZE, SIZE, 1), np.float32)]]
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    data: bytes = converter.convert()
    return data


def manifest_of(folder: Path, files: dict[str, bytes], **changes: Any) -> Manifest:
    """A manifest whose weights are the first of the files."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    name, data = next(iter(files.items()))
    fields = {
        "id": "given",
        "title": "Given",
        "created": "2026-01-31",
        "weights_file": name,
        "weights_sha256": hashlib.sha256(data).hexdigest(),
        "classes": CLASSES,
        "input_size": SIZE,
        "preprocessing": "grey-letterbox-v1",
        "layers": [],
        "network": {"kind": "external", "output": "logits"},
        "temperature": 1.0,
        "licence": "CC0-1.0",
        "attributions": [],
    }
    (folder / "given.json").write_text(json.dumps(fields | changes), "utf-8")
    return load_manifest(folder / "given.json")


def expected(model: keras.Model, channels: int = 1) -> np.ndarray:
    from inference.preprocessing import to_tensor

    tensors = np.stack([to_tensor(each, SIZE) for each in PICTURES])
    return np.asarray(model(np.repeat(tensors, channels, -1)))


@pytest.mark.parametrize("channels", [1, 3])
def test_file_with_one_output_is_the_class_output_whatever_it_is_called(
    channels: int, tmp_path: Path
) -> None:
    model = network(channels)
    preprocessing = {1: "grey-letterbox-v1", 3: "grey3-letterbox-v1"}[channels]
    manifest = manifest_of(tmp_path, {"a.tflite": tflite(model)}, preprocessing=preprocessing)
    predictor = Predictor.load(manifest)
    found = predictor.predict(PICTURES)
    assert predictor.engine.name == "litert"
    np.testing.assert_allclose([each.logits for each in found], expected(model, channels), atol=1e-5)
    assert found[0].maps.layers == ()
    assert found[0].gate is None


def test_probabilities_come_out_as_they_went_in(tmp_path: Path) -> None:
    model = network(softmax=True)
    network_of = {"kind": "external", "output": "probabilities"}
    manifest = manifest_of(tmp_path, {"a.tflite": tflite(model)}, network=network_of)
    found = Predictor.load(manifest).predict(PICTURES)
    np.testing.assert_allclose([each.probabilities for each in found], expected(model), atol=1e-6)
    assert logits_of(np.array([[1.0, 0.0]], np.float32), "probabilities")[0].tolist() == pytest.approx(
        [0.0, np.log(1e-12)]
    )


@pytest.mark.slow
def test_keras_file_runs_on_tensorflow_with_maps_of_the_layers_that_its_manifest_names(
    tmp_path: Path,
) -> None:
    model = network()
    model.save(tmp_path / "saved.keras")
    layer = {"name": "last", "label": "Last", "labels": {"de": "Letzte"}, "grid": [4, 4], "channels": 5}
    manifest = manifest_of(tmp_path, {"a.keras": (tmp_path / "saved.keras").read_bytes()}, layers=[layer])
    predictor = Predictor.load(manifest)
    found = predictor.predict(PICTURES)
    assert predictor.engine.name == "tensorflow"
    np.testing.assert_allclose([each.logits for each in found], expected(model), atol=1e-5)
    assert found[0].maps.values["last"].shape == (2, 4, 4)
    without = Predictor.load(manifest_of(tmp_path, {"a.keras": (tmp_path / "a.keras").read_bytes()}))
    assert without.predict(PICTURES)[0].maps.layers == ()
    assert without.predict(PICTURES)[0].logits == pytest.approx(found[0].logits, abs=1e-6)


def test_gate_looks_at_the_embedding_that_the_file_gives(tmp_path: Path) -> None:
    import io

    gate = Gate(np.zeros(5, np.float32), np.eye(5, dtype=np.float32), 1e-6, 1e-6, 0.0)
    arrays = io.BytesIO()
    np.savez(arrays, **{f"gate/{name}": values for name, values in gate.as_arrays().items()})
    form = tflite(network(), {"embedding": "last"})
    files = {"a.npz": arrays.getvalue(), "a.tflite": form}
    compiled = {"file": "a.tflite", "sha256": hashlib.sha256(form).hexdigest()}
    settings = gate.as_settings()
    found = Predictor.load(manifest_of(tmp_path, files, compiled=compiled, gate=settings)).predict(PICTURES)
    assert found[0].embedding.shape == (5,)
    assert found[0].gate is not None
    assert found[0].gate.verdict == "refused"
    bare = tflite(network())
    files["a.tflite"] = bare
    compiled = {"file": "a.tflite", "sha256": hashlib.sha256(bare).hexdigest()}
    with pytest.raises(ManifestError, match="no output 'embedding'"):
        Predictor.load(manifest_of(tmp_path, files, compiled=compiled, gate=settings))


@pytest.mark.parametrize(
    ("files", "changes", "said"),
    [
        ({"a.tflite": b"nothing"}, {}, "LiteRT cannot read"),
        ({"a.keras": b"nothing"}, {}, "Keras cannot read"),
        ({"a.npz": b"nothing"}, {}, "weights_file of an external network"),
        ({"a.tflite": b"nothing"}, {"classes": [*CLASSES, CLASSES[0]]}, "classes"),
        ({"a.tflite": b"nothing"}, {"classes": [{**CLASSES[0], "colour": "red"}, CLASSES[1]]}, "colour"),
        ({"a.tflite": b"nothing"}, {"classes": [{**CLASSES[0], "labels": {"german": "A"}}, CLASSES[1]]}, "l"),
    ],
)
def test_what_cannot_be_run_is_refused_in_words(
    files: dict[str, bytes], changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ManifestError, match=said):
        load_engine(manifest_of(tmp_path, files, **changes))


def test_quantised_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="uint8"):
        load_engine(manifest_of(tmp_path, {"a.tflite": tflite(network(), quantised=True)}))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"input_size": 24}, "inputs of shape"),
        ({"classes": [*CLASSES, {"code": "c", "label": "C"}]}, "outputs of shape"),
        ({"layers": [{"name": "first", "label": "F", "grid": [4, 4], "channels": 5}]}, "no layer 'first'"),
    ],
)
def test_keras_file_that_does_something_else_is_refused(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    network().save(tmp_path / "saved.keras")
    with pytest.raises(ManifestError, match=said) as refused:
        load_engine(manifest_of(tmp_path, {"a.keras": (tmp_path / "saved.keras").read_bytes()}, **changes))
    assert refused.value.code == "compiled_unfit"


def test_file_for_litert_alone_is_not_run_by_tensorflow(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="LiteRT alone") as refused:
        load_engine(manifest_of(tmp_path, {"a.tflite": b"any"}), "tensorflow")
    assert refused.value.code == "engine_unfit"
