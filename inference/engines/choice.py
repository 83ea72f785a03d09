"""Which engine runs a model on this machine."""

from __future__ import annotations

from importlib.util import find_spec

from inference.architecture import External
from inference.engines.base import Engine
from inference.errors import ManifestError
from inference.manifest import Manifest

LITERT, TENSORFLOW = "litert", "tensorflow"
ENGINES = (LITERT, TENSORFLOW)

_PACKAGES = {LITERT: "ai_edge_litert", TENSORFLOW: "tensorflow"}


def engine_of(manifest: Manifest, wish: str | None = None) -> str:
    """Return the engine that runs this model here: the wished one, else LiteRT where the model has that form.

    Raises ManifestError engine_unfit where the model has not the wished form, and engine_missing where the
    engine is not installed.
    """
    engine = wish or (LITERT if manifest.compiled else TENSORFLOW)
    if engine == TENSORFLOW and isinstance(manifest.network, External) and manifest.compiled:
        raise ManifestError(
            "engine_unfit",
            f"The model {manifest.id!r} is a file that LiteRT alone runs. Received {engine!r}.",
        )
    if engine == LITERT and not manifest.compiled:
        raise ManifestError(
            "engine_unfit",
            f"The model {manifest.id!r} has no form that LiteRT runs; use TensorFlow. Received {engine!r}.",
        )
    if find_spec(_PACKAGES[engine]) is None:
        raise ManifestError(
            "engine_missing",
            f"The model {manifest.id!r} needs the package {_PACKAGES[engine]!r}, which is not installed on "
            f"this machine. Install it, or use a model that the other engine runs.",
        )
    return engine


def load_engine(manifest: Manifest, engine: str | None = None, threads: int | None = None) -> Engine:
    """Load the model into an engine; its files are checked first.

    engine: one of ENGINES; None for what `engine_of` says. threads: None for one, or for what TensorFlow was
    given before. Raises ManifestError, of whatever kind.
    """
    if engine_of(manifest, engine) == LITERT:
        from inference.engines.litert import LiteRtEngine

        return LiteRtEngine.load(manifest, threads or 1)
    from inference.engines.tensorflow import TensorFlowEngine

    return TensorFlowEngine.load(manifest, threads)
