"""One compiled function against the usual ways to the same probabilities and maps, in one process.

    python docs/benchmarks/explain.py [THREADS] [OUT.json]

Prints milliseconds an image (median of the rounds, ways taken in turns) and the ratio to ours; writes the
same as JSON where a file is named, for `python -m inference publish --speed`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import keras
import numpy as np
import tensorflow as tf

from inference.manifest import default_manifest, verify_weights
from inference.networks import build_network, load_weights
from inference.predictor import Explainer, compile_explainer, configure_tensorflow

BATCH, ROUNDS = 8, 9


def taped(model: keras.Model, layers: tuple[str, ...]) -> Callable[[np.ndarray], None]:
    """Per image, class and layer: predict(), then one gradient tape, as tutorials do."""
    heads = [keras.Model(model.inputs, [model.get_layer(name).output, model.output]) for name in layers]

    def run(tensors: np.ndarray) -> None:
        for tensor in tensors:
            model.predict(tensor[None], verbose=0)
            for head in heads:
                for index in range(model.output.shape[-1]):
                    with tf.GradientTape() as tape:
                        features, logits = head(tensor[None], training=False)
                        score = logits[:, index]
                    weights = tf.reduce_mean(tape.gradient(score, features), axis=(1, 2))
                    tf.nn.relu(tf.einsum("bhwk,bk->bhw", features, weights)).numpy()

    return run


def called(explain: Explainer) -> Callable[[np.ndarray], None]:
    """Ours, with the results fetched."""

    def run(tensors: np.ndarray) -> None:
        logits, values, *_ = explain(tensors)
        logits.numpy()
        for layer in values:
            layer.numpy()

    return run


def main() -> None:
    """Measure and print."""
    threads, *written = int(sys.argv[1]) if sys.argv[1:] else 1, *sys.argv[2:]
    configure_tensorflow(threads)
    manifest = default_manifest()
    model = build_network(manifest.network, manifest.input_size, len(manifest.classes))
    load_weights(model, verify_weights(manifest).read_bytes())
    explain = compile_explainer(model, manifest.layer_names)
    compiled = called(explain)
    # What tf.function wraps is not in its type stub.
    plain = compile_explainer(model, manifest.layer_names).python_function  # type: ignore[attr-defined]
    xla = called(tf.function(plain, jit_compile=True))

    def one_by_one(batch: np.ndarray) -> None:
        for each in batch:
            compiled(each[None])

    def predicted(batch: np.ndarray) -> None:
        for each in batch:
            model.predict(each[None], verbose=0)

    ways: dict[str, Callable[[np.ndarray], None]] = {
        "one compiled function, batch 8": compiled,
        "one compiled function, one by one": one_by_one,
        "the same with XLA, batch 8": xla,
        "predict() alone, one by one": predicted,
        "predict() and a tape a class and layer": taped(model, manifest.layer_names),
    }
    tensors = np.random.default_rng(0).random(
        (BATCH, manifest.input_size, manifest.input_size, 1), np.float32
    )
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for round_ in range(ROUNDS + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            way(tensors)
            if round_:
                spent[name].append((time.perf_counter() - started) / BATCH * 1000)
    ours = median(spent["one compiled function, batch 8"])
    for name, times in spent.items():
        print(f"{name:42} {median(times):8.1f} ms an image {median(times) / ours:6.2f}")
    for path in written:
        rows = [
            {"way": name, "milliseconds_an_image": median(times), "times_ours": median(times) / ours}
            for name, times in spent.items()
        ]
        content = {"threads": threads, "batch": BATCH, "rounds": ROUNDS, "ways": rows}
        Path(path).write_text(json.dumps(content, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
