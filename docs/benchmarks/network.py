"""The network and all of its maps, as the worker runs it: what an image costs, and what of the core it uses.

    python docs/benchmarks/network.py [ROUNDS]

In one process, in turns, on one thread: one picture and eight pictures through `Predictor.predict` (tensor,
network, maps of all layers and classes, input gate); the engine alone; a product of two matrices of float32,
which is about all that the core can do (sgemm); and the prototype's way, to one class's maps and overlays.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Before numpy is imported: the product is to be one core's.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np

from docs.benchmarks.costs import MAPS, OVERLAYS, Cost, in_turns, picture
from docs.benchmarks.figures import Figure, arguments, hand_over
from docs.benchmarks.prototype import Prototype
from inference.engines.tensorflow import configure
from inference.formats import read_image
from inference.manifest import Manifest, default_manifest
from inference.networks import build_network
from inference.predictor import Predictor

ROUNDS, BATCH, MATRIX = 15, 8, 1024
# Whose kernel is used once for each place of the output.
AT_EACH_PLACE = ("Conv2D", "DepthwiseConv2D", "Dense")


def operations_of(manifest: Manifest) -> int:
    """How many multiplications and additions one picture takes in the layers that have a kernel."""
    model = build_network(manifest.network, manifest.input_size, len(manifest.classes))
    layers = [layer for layer in model.layers if type(layer).__name__ in AT_EACH_PLACE]
    return sum(2 * layer.kernel.shape.num_elements() * _places(layer.output.shape) for layer in layers)


def _places(shape: tuple[int | None, ...]) -> int:
    """Of (batch, ..., channels)."""
    return int(np.prod([side or 1 for side in shape[1:-1]]))


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=ROUNDS)
    asked = parser.parse_args()
    configure(1)
    manifest = default_manifest()
    predictor = Predictor.load(manifest, threads=1)
    rng = np.random.default_rng(0)
    file = picture(rng)
    pixels = read_image(file).pixels
    side = manifest.input_size
    tensor = rng.random((1, side, side, 1), np.float32)
    left, right = (rng.random((MATRIX, MATRIX), np.float32) for _ in range(2))
    prototype = Prototype()
    spent = in_turns(
        {
            "one": (lambda: predictor.predict([pixels]), 1),
            "eight": (lambda: predictor.predict([pixels] * BATCH), BATCH),
            "engine": (lambda: predictor.engine.explain(tensor), 1),
            "sgemm": (lambda: left @ right, 1),
            "prototype": (lambda: prototype.explain(file), 1),
            "overlays": (lambda: prototype.draw(file), 1),
        },
        asked.rounds,
    )
    hand_over(figures_of(spent, operations_of(manifest), asked.rounds), asked.json)


def figures_of(spent: dict[str, Cost], operations: int, n: int) -> list[Figure]:
    """The figures and their ratios."""
    words = {
        "one": "tensor, network and all maps, an image alone",
        "eight": f"tensor, network and all maps, an image of {BATCH} at once",
        "engine": "network and all maps, an image alone",
        "prototype": MAPS,
        "overlays": OVERLAYS,
    }
    costs = [figure for name, what in words.items() for figure in spent[name].figures(what)]
    at_most = 2 * MATRIX**3 / spent["sgemm"].processor_ms
    reached = operations / spent["engine"].processor_ms
    return [
        *costs,
        Figure("what the network computes, an image", operations / 1e6, "MFLOP"),
        Figure("sgemm of a core", at_most / 1e6, "GFLOP/s", n),
        Figure("share of it that the network reaches", reached / at_most * 100, "%", n),
        Figure(
            f"{MAPS}, over ours, processor",
            spent["prototype"].processor_ms / spent["one"].processor_ms,
            "times",
            n,
        ),
    ]


if __name__ == "__main__":
    main()
