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

from inference.architecture import External
from inference.engines.base import Explained, logits_of, scaled_maps
from inference.errors import ManifestError
from inference.manifest import Manifest, verify_compiled
from inference.preprocessing import CHANNELS

# Names of the compiled network's input and outputs; `evidence_<layer>` are its maps before they are scaled.
INPUT, LOGITS, EMBEDDING, EVIDENCE = "slice", "logits", "embedding", "evidence_"


Tensors = dict[str, NDArray[np.float32]]


class LiteRtEngine:
    """A compiled network, which takes one picture at a time.

    The interpreter holds the tensors of the picture it works on: one thread at a time uses it.
    """

    name = "litert"

    def __init__(self, model: bytes, manifest: Manifest, threads: int = 1) -> None:
        """Raises ManifestError compiled_unfit where inputs or outputs are not those of the manifest."""
        try:
            self._interpreter = Interpreter(model_content=model, num_threads=threads)
            self._network = (
                _BySignature(self._interpreter)
                if self._interpreter.get_signature_list()
                else _ByPlace(self._interpreter)
            )
        except (ValueError, RuntimeError) as error:
            raise _unfit(manifest, "a file that LiteRT cannot read") from error
        self._layers = manifest.layer_names
        self._output = manifest.network.output if isinstance(manifest.network, External) else LOGITS
        self._names = _names(manifest, self._network)
        self._lock = threading.Lock()
        _check(manifest, self._network, self._names)

    @classmethod
    def load(cls, manifest: Manifest, threads: int = 1) -> LiteRtEngine:
        """Read the model's compiled form. Raises ManifestError weights_missing, weights_mismatch or
        compiled_unfit.
        """
        return cls(verify_compiled(manifest).read_bytes(), manifest, threads)

    def explain(self, tensors: NDArray[np.float32]) -> Explained:
        """Run the network. tensors: float32 (B, S, S, channels)."""
        with self._lock:
            rows = [self._network.run(tensor[None]) for tensor in tensors]
        found = {
            ours: np.concatenate([row[theirs] for row in rows])
            for theirs, ours in self._names.items()
            if theirs in self._network.outputs
        }
        maps = [scaled_maps(found[f"{EVIDENCE}{layer}"]) for layer in self._layers]
        return Explained(
            logits=logits_of(found[LOGITS], self._output),
            maps=[values for values, _ in maps],
            peaks=[peaks for _, peaks in maps],
            embedding=found.get(EMBEDDING, np.zeros((len(tensors), 0), np.float32)),
        )


class _BySignature:
    """A network whose file names its inputs and outputs. Details are those that LiteRT gives, by name."""

    def __init__(self, interpreter: Interpreter) -> None:
        # It keeps what its runner points to.
        self._runner = interpreter.get_signature_runner()
        self.inputs: Mapping[str, Any] = self._runner.get_input_details()
        self.outputs: Mapping[str, Any] = self._runner.get_output_details()

    def run(self, tensor: NDArray[np.float32]) -> Tensors:
        """Return all outputs for one picture, as copies: the next one is written over LiteRT's own."""
        found = self._runner(**dict.fromkeys(self.inputs, tensor))
        return {name: np.array(values) for name, values in found.items()}


class _ByPlace:
    """A network whose file has no signature."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter
        interpreter.allocate_tensors()
        self.inputs: Mapping[str, Any] = {each["name"]: each for each in interpreter.get_input_details()}
        self.outputs: Mapping[str, Any] = {each["name"]: each for each in interpreter.get_output_details()}

    def run(self, tensor: NDArray[np.float32]) -> Tensors:
        """As above."""
        for each in self.inputs.values():
            self._interpreter.set_tensor(each["index"], tensor)
        self._interpreter.invoke()
        return {
            name: self._interpreter.get_tensor(each["index"]).copy() for name, each in self.outputs.items()
        }


def _names(manifest: Manifest, network: _BySignature | _ByPlace) -> dict[str, str]:
    """Their names of inputs and outputs to ours; the same, but that what is there once may be called anything
    in a network that was made elsewhere.
    """
    names = {name: name for name in (*network.inputs, *network.outputs)}
    if isinstance(manifest.network, External):
        names |= dict.fromkeys(network.inputs, INPUT) if len(network.inputs) == 1 else {}
        names |= dict.fromkeys(network.outputs, LOGITS) if len(network.outputs) == 1 else {}
    return names


def _check(manifest: Manifest, network: _BySignature | _ByPlace, names: Mapping[str, str]) -> None:
    size, classes = manifest.input_size, len(manifest.classes)
    wanted = {
        INPUT: (1, size, size, CHANNELS[manifest.preprocessing]),
        LOGITS: (1, classes),
        EMBEDDING: (1, sum(layer.channels for layer in manifest.layers)),
        **{f"{EVIDENCE}{layer.name}": (1, *layer.grid, classes) for layer in manifest.layers},
    }
    details = {names[name]: each for name, each in {**network.inputs, **network.outputs}.items()}
    found = {name: tuple(each["shape"].tolist()) for name, each in details.items()}
    if isinstance(manifest.network, External) and not manifest.layers:
        # What its gate looks at, if it has one, is the network's own affair.
        wanted[EMBEDDING] = found.setdefault(EMBEDDING, ())
    odd = sorted(set(wanted.items()) ^ set(found.items()))
    if odd:
        raise _unfit(manifest, f"{odd[0][0]} of shape {odd[0][1]}")
    if manifest.gate is not None and not found[EMBEDDING]:
        raise _unfit(manifest, f"a gate, and no output {EMBEDDING!r}")
    kinds = {np.dtype(each["dtype"]) for each in details.values()}
    if kinds != {np.dtype(np.float32)}:
        raise _unfit(manifest, f"numbers of kind {', '.join(sorted(map(str, kinds)))}")


def _unfit(manifest: Manifest, received: str) -> ManifestError:
    return ManifestError(
        "compiled_unfit",
        f"The compiled form of {manifest.id!r} does not do what its manifest says. Received {received}.",
    )
