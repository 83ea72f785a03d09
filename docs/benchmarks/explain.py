"""Both engines against the usual ways to the same probabilities and maps, in one process; then each alone.

    python docs/benchmarks/explain.py [THREADS] [OUT.json]

Prints milliseconds an image (median of the rounds, ways taken in turns) and the ratio to ours, which is
LiteRT with one picture at a time, as workers run it; then what a process of its own needs from its start
until it has explained a picture: seconds, and memory. Writes the same as JSON where a file is named, for
`python -m inference publish --speed`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import keras
import numpy as np
import tensorflow as tf

from docs.benchmarks.figures import Figure, arguments, hand_over
from inference.engines import Engine, load_engine
from inference.engines.tensorflow import compile_explainer, configure
from inference.manifest import default_manifest, verify_weights
from inference.networks import build_network, load_weights

ROOT = Path(__file__).resolve().parents[2]
BATCH, ROUNDS, STARTS = 8, 9, 3
OURS = "LiteRT, one by one"

# Of a process that has done nothing else: from its first line to the first result.
START = """
import sys, time
started = time.perf_counter()
sys.path.insert(0, sys.argv[1])
import numpy as np, psutil
from inference.manifest import default_manifest
from inference.predictor import Predictor
Predictor.load(default_manifest(), sys.argv[2], 1).predict([np.zeros((256, 256), np.uint8)])
print(time.perf_counter() - started, psutil.Process().memory_info().rss / 2**20)
"""


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


def whole(engine: Engine) -> Callable[[np.ndarray], None]:
    """All pictures at once."""
    return lambda tensors: void(engine.explain(tensors))


def single(engine: Engine) -> Callable[[np.ndarray], None]:
    """One picture after another."""
    return lambda tensors: void([engine.explain(tensor[None]) for tensor in tensors])


def void(_: Any) -> None:
    """Nothing: what was made is thrown away."""


def starts() -> list[dict[str, Any]]:
    """What each engine needs in a process of its own, median of three."""
    rows = []
    for engine in ("litert", "tensorflow"):
        command = [sys.executable, "-c", START, str(ROOT), engine]
        said = [subprocess.check_output(command, text=True) for _ in range(STARTS)]  # noqa: S603 - our own line
        runs = [[float(each) for each in line.split()] for line in said]
        seconds, mebibytes = (median(column) for column in zip(*runs, strict=True))
        rows.append({"engine": engine, "seconds_to_ready": seconds, "resident_mebibytes": mebibytes})
    return rows


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("threads", nargs="?", type=int, default=1)
    parser.add_argument("speed", nargs="?", type=Path, metavar="OUT.json", help="for `publish --speed`")
    asked = parser.parse_args()
    threads = asked.threads
    configure(threads)
    manifest = default_manifest()
    lite, full = (load_engine(manifest, name, threads) for name in ("litert", "tensorflow"))
    model = build_network(manifest.network, manifest.input_size, len(manifest.classes))
    load_weights(model, verify_weights(manifest).read_bytes())
    # What tf.function wraps is not in its type stub.
    plain = compile_explainer(model, manifest.layer_names).python_function  # type: ignore[attr-defined]
    xla = tf.function(plain, jit_compile=True)

    def predicted(batch: np.ndarray) -> None:
        for each in batch:
            model.predict(each[None], verbose=0)

    ways: dict[str, Callable[[np.ndarray], None]] = {
        OURS: single(lite),
        "LiteRT, 8 at once": whole(lite),
        "TensorFlow, one by one": single(full),
        "TensorFlow, 8 at once": whole(full),
        "the same with XLA, 8 at once": lambda tensors: void([each.numpy() for each in xla(tensors)[1]]),
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
    ours = median(spent[OURS])
    figures = [
        figure
        for name, times in spent.items()
        for figure in (
            Figure(f"{name}, an image", median(times), "ms", ROUNDS),
            Figure(f"{name}, over ours", median(times) / ours, "times", ROUNDS),
        )
    ]
    own = starts()
    for row in own:
        what = f"{row['engine']}, from the start to the first result"
        figures += [
            Figure(what, row["seconds_to_ready"], "s", STARTS),
            Figure(f"{what}: memory", row["resident_mebibytes"], "MiB", STARTS),
        ]
    hand_over(figures, asked.json)
    if asked.speed:
        rows = [
            {"way": name, "milliseconds_an_image": median(times), "times_ours": median(times) / ours}
            for name, times in spent.items()
        ]
        content = {"threads": threads, "batch": BATCH, "rounds": ROUNDS, "ways": rows, "starts": own}
        asked.speed.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
