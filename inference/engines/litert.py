"""LiteRT: a compiled network whose maps are outputs of its own, so that nothing needs a gradient.

Importing this module loads LiteRT alone, neither TensorFlow nor Keras.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from inference.engines.base import Explained, scaled_maps
from inference.errors import ManifestError
from inference.manifest import Manifest, verify_compiled

# Names of the compiled network's input and outputs; `evidence_<layer>` are its maps before they are scaled.
INPUT, LOGITS, EMBEDDING, EVIDENCE = "slice", "logits", "embedding", "evidence_"


class LiteRtEngine:
    """A compiled network, which takes one picture at a time.

    The interpreter holds the tensors of the picture it works on: one thread at a time uses it.
    """

    name = "litert"

    def __init__(self, model: bytes, manifest: Manifest, threads: int = 1) -> None:
        """Raises ManifestError compiled_unfit where inputs or outputs are not those of the manifest."""
        try:
            # Which keeps what its runner points to.
            self._interpreter = Interpreter(model_content=model, num_threads=threads)
            self._runner = self._interpreter.get_signature_runner()
        except (ValueError, RuntimeError) as error:
            raise _unfit(manifest, "a file that LiteRT cannot read") from error
        self._layers = manifest.layer_names
        self._lock = threading.Lock()
        _check(manifest, self._runner.get_input_details(), self._runner.get_output_details())

    @classmethod
    def load(cls, manifest: Manifest, threads: int = 1) -> LiteRtEngine:
        """Read the model's compiled form. Raises ManifestError weights_missing, weights_mismatch or
        compiled_unfit.
        """
        return cls(verify_compiled(manifest).read_bytes(), manifest, threads)

    def explain(self, tensors: NDArray[np.float32]) -> Explained:
        """Run the network. tensors: float32 (B, S, S, 1)."""
        with self._lock:
            # A copy: what the runner returns lies in memory that the next picture is written over.
            rows = [
                {name: np.array(values) for name, values in self._runner(**{INPUT: tensor[None]}).items()}
                for tensor in tensors
            ]
        maps = [
            scaled_maps(np.concatenate([row[f"{EVIDENCE}{layer}"] for row in rows])) for layer in self._layers
        ]
        return Explained(
            logits=np.concatenate([row[LOGITS] for row in rows]),
            maps=[values for values, _ in maps],
            peaks=[peaks for _, peaks in maps],
            embedding=np.concatenate([row[EMBEDDING] for row in rows]),
        )


def _check(manifest: Manifest, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
    size, classes = manifest.input_size, len(manifest.classes)
    wanted = {
        INPUT: (1, size, size, 1),
        LOGITS: (1, classes),
        EMBEDDING: (1, sum(layer.channels for layer in manifest.layers)),
        **{f"{EVIDENCE}{layer.name}": (1, *layer.grid, classes) for layer in manifest.layers},
    }
    found = {name: tuple(each["shape"].tolist()) for name, each in {**inputs, **outputs}.items()}
    odd = sorted(set(wanted.items()) ^ set(found.items()))
    if odd:
        raise _unfit(manifest, f"{odd[0][0]} of shape {odd[0][1]}")
    kinds = {np.dtype(each["dtype"]) for each in (*inputs.values(), *outputs.values())}
    if kinds != {np.dtype(np.float32)}:
        raise _unfit(manifest, f"numbers of kind {', '.join(sorted(map(str, kinds)))}")


def _unfit(manifest: Manifest, received: str) -> ManifestError:
    return ManifestError(
        "compiled_unfit",
        f"The compiled form of {manifest.id!r} does not do what its manifest says. Received {received}.",
    )
